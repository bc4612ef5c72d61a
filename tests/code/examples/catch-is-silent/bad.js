export async function paint() {
  loading.value = true;
  try {
    await generate(); // bad below
  } catch (error) {
    console.error("generate failed", error);
  } finally {
    loading.value = false;
  }
}
export async function change() {
  if (picture.value) {
    try {
      await refine(); // bad below
    } catch {}
  }
}
export async function renamed(id, name) {
  try {
    const response = await fetch(`/api/pictures/${id}`, { method: "PUT", body: name });
    show(await response.json()); // bad below
  } catch (error) {
    console.log(error);
  }
}
export const started = () => {
  generate().catch(() => {}); // bad
  refine().catch(console.error); // bad
  history().then(show).catch((error) => console.log(error)); // meant
  // meant below
  history().catch(function (error) {
    console.warn(error);
  });
};
