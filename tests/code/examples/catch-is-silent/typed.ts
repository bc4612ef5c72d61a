export async function paint(): Promise<void> {
  try {
    await generate(); // bad below
  } catch (error: unknown) {
  }
}
export async function told(): Promise<void> {
  try {
    await generate(); // good below
  } catch (error: unknown) {
    shown.value = (error as Error).message;
  }
}
