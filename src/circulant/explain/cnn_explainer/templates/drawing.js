
// Maps as pictures: one colour above zero, one below, paper at zero; pictures in grey or in colour.

function tone(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
  const long = text.length === 3 ? [...text].map((one) => one + one).join("") : text;
  return [0, 2, 4].map((start) => parseInt(long.slice(start, start + 2), 16));
}

let tones = {};
function readTones() {
  tones = { paper: tone("--paper"), above: tone("--accent"), below: tone("--alt"), ink: tone("--ink") };
}

function diverging(share) {
  const end = share < 0 ? tones.below : tones.above;
  const amount = Math.min(1, Math.abs(share));
  return tones.paper.map((from, index) => from + (end[index] - from) * amount);
}

function paint(canvas, width, height, colourAt) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    const [red, green, blue] = colourAt(place);
    image.data.set([red, green, blue, 255], 4 * place);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function paintMap(canvas, values, width, height, largest) {
  paint(canvas, width, height, (place) => diverging(largest ? values[place] / largest : 0));
}

// picture (C, H, W): grey, or red, green and blue.
function paintPicture(canvas, picture, [channels, height, width], black, white) {
  const level = (value) => (255 * (value - black)) / (white - black);
  paint(canvas, width, height, (place) =>
    [0, 1, 2].map((channel) => level(picture[(channels === 3 ? channel : 0) * height * width + place])));
}

// What draw(canvas) paints, its pixels enlarged, so that a frame can be drawn around some of them.
function paintFramed(canvas, [height, width], draw, frame) {
  const scale = Math.max(2, Math.ceil(320 / Math.max(height, width)));
  const small = document.createElement("canvas");
  draw(small);
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  if (!frame) return;
  const [top, left, rows, columns] = frame.map((value) => value * scale);
  context.lineWidth = Math.max(2, canvas.width / 110);
  context.strokeStyle = `rgb(${tones.ink})`;
  context.strokeRect(left, top, columns, rows);
}

function largestOf(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function number(value, digits = 3) {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

function made(tag, settings = {}, ...children) {
  const { aria, ...others } = settings;
  const element = Object.assign(document.createElement(tag), others);
  Object.entries(aria || {}).forEach(([name, value]) => element.setAttribute(`aria-${name}`, value));
  element.append(...children);
  return element;
}

// Pointer and arrow keys move over a grid of cells; space and enter act. size() -> [rows, columns].
function cursorOn(canvas, size, place, { move, act = () => {}, dragOnly = false }) {
  const put = (row, column, acting) => {
    const [rows, columns] = size();
    place.row = Math.max(0, Math.min(rows - 1, row));
    place.column = Math.max(0, Math.min(columns - 1, column));
    if (acting) act(place.row, place.column);
    move();
  };
  const point = (event) => {
    const [rows, columns] = size();
    const box = canvas.getBoundingClientRect();
    const part = (value, from, extent, count) => Math.floor(((value - from) / extent) * count);
    put(part(event.clientY, box.top, box.height, rows), part(event.clientX, box.left, box.width, columns), event.buttons);
  };
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointermove", (event) => (event.buttons || !dragOnly) && point(event));
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], " ": [0, 0], Enter: [0, 0] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    put(place.row + step[0], place.column + step[1], !step[0] && !step[1]);
  });
}
