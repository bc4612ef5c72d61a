async function load(): Promise<void> {
  await fetch("/load");
}

export function begin(): void {
  load(); // bad
}

export async function wait(): Promise<void> {
  await load(); // good
}
