export async function paint(): Promise<void> {
  try {
    await generate();
  } catch (error) { // good
    console.error(error);
    failure.value = String(error);
  } finally {
    loading.value = false;
  }
  try {
    await refine();
  } catch (error) { // good
    throw new PaintError("refine failed", { cause: error });
  }
  try {
    JSON.parse(text);
  } catch { // good
    return undefined;
  }
  generate().catch((error) => toast(error)); // good
  refine().catch(shown); // good
}
