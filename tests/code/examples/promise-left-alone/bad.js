async function load() {
  const response = await fetch("/api/state");
  state.value = await response.json();
}
const save = async () => {
  await sent();
};

load(); // bad
save(); // meant
fetch("/api/history"); // bad
fetch("/api/history").then((response) => show(response)); // bad
load().finally(() => done()); // meant
