
// The page: a picture, and the network on it.

const byId = (id) => document.getElementById(id);
const network = networkOf(JSON.parse(byId("payload").textContent));
const { layers, classes, black, white } = network;
const [inputChannels, inputHeight, inputWidth] = layers[0].shape;
const chosen = { example: 0, layer: 1, unit: 0, term: 0 };
const pixel = { row: 0, column: 0 };
const brush = { row: Math.floor(inputHeight / 2), column: Math.floor(inputWidth / 2) };
let picture = Float64Array.from(network.expected[0][0]);
let activations = [];
let buttons = [];

const KINDS = {
  input: "input",
  conv: "convolution",
  relu: "ReLU",
  pool: "max-pooling",
  linear: "linear",
};

function nameOf(layer, unit) {
  if (layer === layers.length - 1) return `class ${classes[unit]}`;
  const colours = inputChannels === 3 ? ["red", "green", "blue"] : ["grey"];
  return layer === 0 ? `input, ${colours[unit]}` : `${KINDS[layers[layer].kind]}, map ${unit + 1}`;
}

function mapOf(layer, unit) {
  const size = layers[layer].shape[1] * layers[layer].shape[2];
  return activations[layer].subarray(unit * size, (unit + 1) * size);
}

function paintUnit(canvas, layer, unit) {
  const [, height, width] = layers[layer].shape;
  if (layer === 0) paintPicture(canvas, mapOf(0, unit), [1, height, width], black, white);
  else paintMap(canvas, mapOf(layer, unit), width, height, largestOf(activations[layer]));
}

// Picture

function showExamples() {
  byId("examples").append(...network.expected.map(([values], index) => {
    const canvas = made("canvas");
    paintPicture(canvas, values, layers[0].shape, black, white);
    const button = made("button", { type: "button", className: "map-button", aria: { label: `Picture ${index + 1}` } }, canvas);
    button.addEventListener("click", () => {
      chosen.example = index;
      take(Float64Array.from(values));
    });
    return button;
  }));
}

function showEasel() {
  const size = [inputHeight, inputWidth];
  const draw = (canvas) => paintPicture(canvas, picture, layers[0].shape, black, white);
  const canvas = byId("easel");
  paintFramed(canvas, size, draw, document.activeElement === canvas ? [brush.row, brush.column, 1, 1] : null);
  canvas.setAttribute("aria-label", `Picture, row ${brush.row + 1}, column ${brush.column + 1}`);
  [...byId("examples").children].forEach((button, index) =>
    button.setAttribute("aria-pressed", index === chosen.example));
}

function showCheck() {
  if (chosen.example < 0) {
    delete byId("check").dataset.difference;
    byId("check").textContent = "Your own picture: torch has not seen it, the numbers are this page's.";
    return;
  }
  const difference = largestDifference(activations, network.expected[chosen.example]);
  byId("check").dataset.difference = difference;
  byId("check").textContent = `Over all layers this page's numbers differ from torch's by at most ${difference.toExponential(1)}.`;
}

// The stroke is as thick as in the pictures that come with the page: two pixels of about 28.
function stroke(row, column) {
  const value = byId("rubber").checked ? black : white;
  const thickness = Math.max(1, Math.round(Math.min(inputHeight, inputWidth) / 14));
  for (let y = row; y < Math.min(inputHeight, row + thickness); y++) {
    for (let x = column; x < Math.min(inputWidth, column + thickness); x++) {
      for (let channel = 0; channel < inputChannels; channel++) {
        picture[(channel * inputHeight + y) * inputWidth + x] = value;
      }
    }
  }
  chosen.example = -1;
  scheduleCompute();
}

let scheduled = false;
function scheduleCompute() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    compute();
  });
}

async function openFile(file) {
  const canvas = made("canvas", { width: inputWidth, height: inputHeight });
  const context = canvas.getContext("2d");
  try {
    context.drawImage(await createImageBitmap(file), 0, 0, inputWidth, inputHeight);
  } catch {
    said.textContent = byId("check").textContent = `${file.name} cannot be read as a picture; choose a PNG or JPEG.`;
    return;
  }
  const { data } = context.getImageData(0, 0, inputWidth, inputHeight);
  const size = inputHeight * inputWidth;
  const level = (place, channel) =>
    inputChannels === 3
      ? data[4 * place + channel]
      : 0.299 * data[4 * place] + 0.587 * data[4 * place + 1] + 0.114 * data[4 * place + 2];
  chosen.example = -1;
  take(Float64Array.from({ length: inputChannels * size }, (_, place) =>
    black + ((white - black) * level(place % size, Math.floor(place / size))) / 255));
}

function take(values) {
  picture = values;
  compute();
}

// Network

function showColumns() {
  buttons = layers.map((layer, index) => Array.from({ length: layer.shape[0] }, (_, unit) => buttonFor(index, unit)));
  byId("columns").append(...layers.map((layer, index) => {
    const last = index === layers.length - 1;
    const size = layer.shape[1] === 1 && layer.shape[2] === 1 ? "" : `${layer.shape[1]} × ${layer.shape[2]}`;
    const short = { conv: "conv", pool: "pool" }[layer.kind] || KINDS[layer.kind];
    const head = made("h3", {}, last ? "classes" : short, made("small", {}, size));
    return made("div", { className: last ? "column classes" : "column" }, head, ...buttons[index]);
  }));
  const links = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  links.setAttribute("class", "links");
  links.setAttribute("aria-hidden", "true");
  links.id = "links";
  byId("columns").append(links);
}

function buttonFor(layer, unit) {
  const last = layer === layers.length - 1;
  const inside = last
    ? [made("span", {}, classes[unit]), made("span", { className: "share" }), made("span", { className: "bar" })]
    : [made("canvas")];
  const button = made("button", { type: "button", className: "map-button", aria: { label: nameOf(layer, unit) } }, ...inside);
  button.addEventListener("click", () => choose(layer, unit));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const toLayer = Math.max(0, Math.min(layers.length - 1, layer + step[0]));
    const toUnit = Math.max(0, Math.min(layers[toLayer].shape[0] - 1, unit + step[1]));
    choose(toLayer, toUnit);
    buttons[toLayer][toUnit].focus();
  });
  return button;
}

function showNetwork() {
  const shares = softmax(activations.at(-1));
  buttons.forEach((column, layer) => column.forEach((button, unit) => {
    const pressed = layer === chosen.layer && unit === chosen.unit;
    button.setAttribute("aria-pressed", pressed);
    button.tabIndex = pressed ? 0 : -1;
    if (layer < layers.length - 1) {
      paintUnit(button.firstChild, layer, unit);
      return;
    }
    button.querySelector(".share").textContent = percent(shares[unit]);
    button.querySelector(".bar").style.width = `${100 * shares[unit]}%`;
    button.setAttribute("aria-label", `${nameOf(layer, unit)}, ${percent(shares[unit])}`);
  }));
  const best = shares.indexOf(Math.max(...shares));
  byId("said-class").textContent = classes[best];
  byId("said-share").textContent = percent(shares[best]);
}

function percent(share) {
  return `${(100 * share).toFixed(1)}\u202f%`;
}

function readBy(layer, unit) {
  if (layer === 0) return [];
  return layers[layer].weights ? [...Array(layers[layer - 1].shape[0]).keys()] : [unit];
}

function showLinks() {
  const [links, columns] = [byId("links"), byId("columns")];
  const origin = columns.getBoundingClientRect();
  links.replaceChildren();
  links.style.width = links.style.height = "0";
  const [width, height] = [columns.scrollWidth, columns.scrollHeight];
  links.setAttribute("viewBox", `0 0 ${width} ${height}`);
  links.style.width = `${width}px`;
  links.style.height = `${height}px`;
  const middle = (button, side) => {
    const box = button.getBoundingClientRect();
    return [box[side] - origin.left + columns.scrollLeft, box.top + box.height / 2 - origin.top];
  };
  const end = middle(buttons[chosen.layer][chosen.unit], "left");
  readBy(chosen.layer, chosen.unit).forEach((unit) => {
    const start = middle(buttons[chosen.layer - 1][unit], "right");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    Object.entries({ x1: start[0], y1: start[1], x2: end[0], y2: end[1] }).forEach(([name, value]) =>
      line.setAttribute(name, value));
    links.append(line);
  });
}
