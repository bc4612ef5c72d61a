async function load() {
  try {
    state.value = await fetched();
  } catch (error) {
    failure.value = String(error);
  }
}
async function save() {
  await sent();
}

load(); // good
await save(); // good
save().catch(shown); // good
fetch("/api/history").then(show, shown); // good
fetch("/api/history").then(show).catch(shown).finally(done); // good
export const all = Promise.all([load(), save()]); // good
const answer = await fetch("/api/history"); // good
emit("save"); // good
starting.then(stop); // good
this.starting.finally(stop); // good
