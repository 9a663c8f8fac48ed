// What the page is made of: it lies in the page itself, or in files beside it.

async function bytesOf(name) {
  const inline = document.getElementById(name);
  if (!inline) {
    const answer = await fetch(name);
    if (!answer.ok) throw new Error(`${name} is missing (${answer.status})`);
    return new Uint8Array(await answer.arrayBuffer());
  }
  const packed = Uint8Array.from(atob(inline.textContent), (char) => char.charCodeAt(0));
  inline.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function loadModel() {
  return JSON.parse(new TextDecoder().decode(await bytesOf("model.json")));
}

export async function loadSession() {
  const module = new Blob([await bytesOf("ort-wasm-simd-threaded.mjs")], { type: "text/javascript" });
  ort.env.wasm.numThreads = 1; // more need headers that a file and most servers don't send
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(module) };
  ort.env.wasm.wasmBinary = await bytesOf("ort-wasm-simd-threaded.wasm");
  return ort.InferenceSession.create(await bytesOf("model.onnx"), { executionProviders: ["wasm"] });
}
