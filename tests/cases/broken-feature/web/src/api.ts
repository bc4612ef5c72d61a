export const MODEL = "gemini-2.5-flash-image-preview";

export interface Picture {
  id: string;
  url: string;
  thoughtSignature: string;
}

async function answered<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, init);
  if (!response.ok) {
    throw new Error(`${path}: ${response.status}`);
  }
  return (await response.json()) as T;
}

export function generate(prompt: string): Promise<Picture> {
  return answered<Picture>("/api/generate", { method: "POST", body: JSON.stringify({ prompt, model: MODEL }) });
}

export function refine(id: string, instruction: string): Promise<Picture> {
  return answered<Picture>(`/api/refine/${id}`, { method: "POST", body: JSON.stringify({ instruction, model: MODEL }) });
}
