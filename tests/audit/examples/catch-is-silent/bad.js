export async function paint() {
  try {
    await generate();
  } catch (error) { // bad
    console.error("generate failed", error);
  }
  try {
    await refine();
  } catch {} // bad
  try {
    await history();
  } catch { // bad
    // never mind
  }
  generate().catch(() => {}); // bad
  refine().catch(console.error); // bad
  history().then(show).catch((error) => console.log(error)); // bad
  history().catch(function (error) { // bad
    console.warn(error);
  });
}
