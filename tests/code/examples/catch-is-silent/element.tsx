export const Shown = () => <button onClick={() => paint().catch(() => {})}>Paint</button>; // bad

export const Told = () => <button onClick={() => paint().catch((error) => report(error))}>Paint</button>; // good
