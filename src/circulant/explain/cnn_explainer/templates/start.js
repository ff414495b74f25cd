
// What sets the page going.

function compute() {
  activations = activationsOf(layers, picture);
  showEasel();
  showCheck();
  showNetwork();
  showUnit();
}

function repaint() {
  readTones();
  compute();
  showLinks();
  showSizes();
}

cursorOn(byId("easel"), () => [inputHeight, inputWidth], brush, { move: showEasel, act: stroke, dragOnly: true });
cursorOn(byId("output"), () => layers[chosen.layer].shape.slice(1), pixel, { move: showPixel });
cursorOn(byId("size-output"), () => Array(2).fill(Math.floor(readSizes().output)), step, { move: showSizes });
["focus", "blur"].forEach((name) => byId("easel").addEventListener(name, showEasel));
byId("empty").addEventListener("click", () => {
  chosen.example = -1;
  take(new Float64Array(picture.length).fill(black));
});
byId("file").addEventListener("change", () => byId("file").files.length && openFile(byId("file").files[0]));
byId("play").addEventListener("click", slideOrStop);
byId("output").addEventListener("pointerdown", stopSliding);
byId("output").addEventListener("keydown", stopSliding);
sizeForm.addEventListener("input", showSizes);
sizeForm.addEventListener("submit", (event) => event.preventDefault());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
new ResizeObserver(showLinks).observe(byId("columns"));

pixel.row = Math.floor(layers[1].shape[1] / 2);
pixel.column = Math.floor(layers[1].shape[2] / 2);
readTones();
showExamples();
showColumns();
repaint();
