export async function paint() {
  try {
    await generate(); // good below
  } catch (error) {
    console.error(error);
    failure.value = String(error);
  } finally {
    loading.value = false;
  }
}
export async function change() {
  try {
    await refine(); // good below
  } catch (error) {
    throw new PaintError("refine failed", { cause: error });
  }
}
export function parsed(text) {
  try {
    return JSON.parse(text); // good below
  } catch (error) {
    console.warn(error);
  }
  return EMPTY;
}
export function remembered() {
  try {
    localStorage.setItem("prompt", prompt.value); // good below
  } catch {
    // Private mode has no storage, and nothing depends on it.
  }
}
export async function tried() {
  for (const host of hosts) {
    try {
      return await from(host); // good below
    } catch (error) {
      console.warn(error);
    }
  }
  throw new Error("no host answers");
}
generate().catch((error) => toast(error)); // good
refine().catch(shown); // good
reader.cancel().catch(() => {}); // good
export function removed(element, name) {
  try {
    element.removeAttributeNode(name);
  } catch (error) {
    try {
      element.removeAttribute(name); // good below
    } catch {}
    failure.value = String(error);
  }
}
export function drawn(frame) {
  try {
    frame.style.height = `${frame.contentDocument.body.scrollHeight}px`; // good below
  } catch (error) {
    console.error(error);
  }
}
export async function suggested() {
  try {
    suggestions.value = await fetched("/api/suggestions"); // good below
  } catch (error) {
    console.debug("no suggestions", error);
  }
}
