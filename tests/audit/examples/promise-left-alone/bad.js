async function load() {
  state.value = await fetched();
}
const save = async () => {
  await sent();
};

load(); // bad
save(); // bad
fetch("/api/history"); // bad
fetch("/api/history").then((response) => show(response)); // bad
load().finally(() => done()); // bad
