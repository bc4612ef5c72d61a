export async function warmed() {
  try {
    await ping("/api/health"); // meant below
  } catch (error) {
    console.warn(error);
  }
}
