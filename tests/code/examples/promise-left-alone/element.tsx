async function load() {
  await fetch("/load");
}

export const Shown = () => <button onClick={() => { load(); }}>Load</button>; // bad

export const Told = () => <button onClick={() => { load().catch(report); }}>Load</button>; // good
