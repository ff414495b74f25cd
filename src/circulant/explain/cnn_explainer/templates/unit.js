
// One unit taken apart: its maps, a pixel of it, the products and their sum.

function choose(layer, unit) {
  const [, height, width] = layers[layer].shape;
  const [, oldHeight, oldWidth] = layers[chosen.layer].shape;
  pixel.row = Math.min(height - 1, Math.floor(((pixel.row + 0.5) * height) / oldHeight));
  pixel.column = Math.min(width - 1, Math.floor(((pixel.column + 0.5) * width) / oldWidth));
  Object.assign(chosen, { layer, unit });
  chosen.term = strongest();
  stopSliding();
  showNetwork();
  showLinks();
  showUnit();
  said.textContent = `${nameOf(layer, unit)} is shown below`;
}

// The input map that moves the chosen pixel most.
function strongest() {
  const sums = sumsByMap().map(Math.abs);
  return Math.max(0, sums.indexOf(Math.max(...sums)));
}

function sumsByMap() {
  const { layer, unit } = chosen;
  const [here, before] = [layers[layer], layers[layer - 1]];
  if (!here.weights) return [];
  return Array.from({ length: before.shape[0] }, (_, channel) =>
    windowOf(here, before, activations[layer - 1], unit, channel, pixel.row, pixel.column)
      .reduce((sum, one) => sum + one.value * one.weight, 0));
}

function showUnit() {
  const { layer, unit } = chosen;
  byId("h-unit").textContent = nameOf(layer, unit)[0].toUpperCase() + nameOf(layer, unit).slice(1);
  byId("what").textContent = explanation(layers[layer], layers[layer - 1]);
  const isNumber = layers[layer].shape[1] * layers[layer].shape[2] === 1;
  byId("h-output").textContent = isNumber ? "Its value" : "Its map";
  byId("output").style.width = isNumber ? "4rem" : "";
  byId("output-help").hidden = isNumber;
  byId("play").hidden = isNumber || layer === 0;
  byId("terms").replaceChildren();
  if (layers[layer].weights) showTerms();
  showPixel();
}

function explanation(layer, before) {
  const sizes = before && `${before.shape[1]} × ${before.shape[2]}`;
  const count = before && before.shape[0];
  const texts = {
    input: () => "What the network reads.",
    conv: () => `Each of ${count === 1 ? "its 1 input map" : `the ${count} input maps`} of ${sizes} is convolved with a kernel of its own; the results and the bias are added up.`,
    relu: () => "Values below zero become zero; the others stay.",
    pool: () => `Of each window of ${layer.kernel.join(" × ")} pixels the largest value stays.`,
    linear: () => `All ${count * before.shape[1] * before.shape[2]} values before it, flattened channel by channel, each times a weight; then the sum and the bias.`,
  };
  return texts[layer.kind]();
}

// One row for each input map: map, kernel, and what they give alone.
function showTerms() {
  const { layer, unit } = chosen;
  const [here, before] = [layers[layer], layers[layer - 1]];
  const size = before.shape[1] * before.shape[2];
  const kernels = Array.from({ length: before.shape[0] }, (_, channel) =>
    windowOf(here, before, activations[layer - 1], unit, channel, 0, 0).map((one) => one.weight));
  const [rows, columns] = here.kind === "linear" ? before.shape.slice(1) : here.kernel;
  const alone = kernels.map((kernel, channel) =>
    here.kind === "linear"
      ? kernel.map((weight, place) => weight * activations[layer - 1][channel * size + place])
      : singleConvolution(here, before, activations[layer - 1], unit, channel));
  const [, height, width] = here.kind === "linear" ? before.shape : here.shape;
  const most = largestOf(alone.map(largestOf));
  const mostWeight = largestOf(kernels.map(largestOf));
  const list = made("div", { className: "terms" }, ...kernels.map((kernel, channel) => {
    const canvases = [made("canvas"), made("canvas"), made("canvas")];
    paintUnit(canvases[0], layer - 1, channel);
    paintMap(canvases[1], kernel, columns, rows, mostWeight);
    paintMap(canvases[2], alone[channel], width, height, most);
    const sign = here.kind === "linear" ? "×" : "∗";
    const button = made("button", { type: "button", className: "term" }, canvases[0], sign, canvases[1], "=", canvases[2], made("span", { className: "number" }));
    button.addEventListener("click", () => {
      chosen.term = channel;
      showPixel();
    });
    return button;
  }));
  byId("terms").append(made("h3", {}, `Its ${kernels.length} ${kernels.length === 1 ? "input map" : "input maps"}, one at a time`), list);
}

function windowFrame(layer, before) {
  const [rows, columns] = layer.kernel || [1, 1];
  const [stride, padding] = [layer.stride || [1, 1], layer.padding || [0, 0]];
  return layer.kind === "linear" ? null : [pixel.row * stride[0] - padding[0], pixel.column * stride[1] - padding[1], rows, columns];
}

function showPixel() {
  const { layer, unit, term } = chosen;
  const [here, before] = [layers[layer], layers[layer - 1]];
  const value = mapOf(layer, unit)[pixel.row * here.shape[2] + pixel.column];
  showOutput(here, value);
  byId("product").replaceChildren();
  byId("sum").replaceChildren();
  if (layer === 0) {
    byId("h-pixel").textContent = `Row ${pixel.row + 1}, column ${pixel.column + 1}: ${number(value)}`;
    return;
  }
  const channel = here.weights ? term : unit;
  const cells = windowOf(here, before, activations[layer - 1], unit, channel, pixel.row, pixel.column);
  const place = here.shape[1] * here.shape[2] === 1 ? "Its value" : `Row ${pixel.row + 1}, column ${pixel.column + 1}`;
  byId("h-pixel").textContent = here.weights ? `${place}: ${nameOf(layer - 1, channel)}` : place;
  showProduct(here, before, channel, cells);
  if (here.weights) showSum(here, value);
  else byId("sum").append(...plainSum(here, cells, value));
}

function showOutput(here, value) {
  const [, height, width] = here.shape;
  const { layer, unit } = chosen;
  paintFramed(byId("output"), [height, width], (canvas) => paintUnit(canvas, layer, unit), [pixel.row, pixel.column, 1, 1]);
  byId("output").setAttribute("aria-label", `Row ${pixel.row + 1}, column ${pixel.column + 1}: ${number(value)}`);
}

function plainSum(here, cells, value) {
  const values = cells.map((one) => number(one.value)).join(", ");
  return [here.kind === "relu" ? `max(0, ${values}) = ` : `max(${values}) = `, made("b", {}, number(value))];
}

const MOST_NUMBERS = 49; // a window of so many values is written out, a larger one is painted

function showProduct(here, before, channel, cells) {
  const columns = here.kind === "linear" ? before.shape[2] : (here.kernel || [1, 1])[1];
  const [, height, width] = before.shape;
  const map = made("canvas");
  paintFramed(map, [height, width], (canvas) => paintUnit(canvas, chosen.layer - 1, channel), windowFrame(here, before));
  const parts = [made("figure", {}, made("figcaption", {}, "What it reads"), map)];
  const values = cells.map((one) => one.value);
  const weights = cells.map((one) => one.weight);
  const shown = (caption, numbers) => {
    const inside = cells.length <= MOST_NUMBERS ? tableOf(numbers, columns, cells, before, here.kind === "pool") : paintedOf(numbers, columns);
    return made("figure", {}, made("figcaption", {}, caption), inside);
  };
  const sign = (text) => made("span", { className: "sign" }, text);
  if (cells.length <= MOST_NUMBERS) parts.push(shown("Window", values));
  if (here.weights) {
    parts.push(sign("×"), shown(here.kind === "linear" ? "Weights" : "Kernel", weights), sign("="));
    parts.push(shown("Products", values.map((value, index) => value * weights[index])));
  }
  byId("product").append(...parts);
}

function tableOf(numbers, columns, cells, before, marksLargest) {
  const most = Math.max(...numbers);
  const table = made("table");
  numbers.forEach((value, index) => {
    if (index % columns === 0) table.append(made("tr"));
    const { row, column } = cells[index];
    const outside = row < 0 || column < 0 || row >= before.shape[1] || column >= before.shape[2];
    const kind = outside ? "outside" : marksLargest && value === most ? "most" : "";
    table.lastChild.append(made("td", { className: kind }, number(value)));
  });
  return table;
}

function paintedOf(numbers, columns) {
  const canvas = made("canvas");
  paintMap(canvas, numbers, columns, numbers.length / columns, largestOf(numbers));
  return canvas;
}

function showSum(here, value) {
  const { layer, unit, term } = chosen;
  const sums = sumsByMap();
  document.querySelectorAll(".term").forEach((button, channel) => {
    button.setAttribute("aria-pressed", channel === term);
    button.setAttribute("aria-label", `${nameOf(layer - 1, channel)} gives ${number(sums[channel])}`);
    button.querySelector(".number").textContent = number(sums[channel]);
  });
  const bias = here.biases ? here.biases[unit] : 0;
  const signed = (one) => (one < 0 ? ` − ${number(-one)}` : ` + ${number(one)}`);
  const total = sums.reduce((sum, one) => sum + one, 0);
  const parts = sums.length === 1 ? number(total) : `${number(sums[0])}${sums.slice(1).map(signed).join("")}`;
  byId("sum").append("The products add up to ", made("b", {}, number(sums[term])), ". ",
    sums.length === 1 ? "With the bias: " : "Over all input maps and with the bias: ",
    parts, signed(bias), " (bias) = ", made("b", {}, number(value)));
  if (layer === layers.length - 1) showSoftmax(unit);
}

function showSoftmax(unit) {
  const logits = activations.at(-1);
  const total = logits.reduce((sum, one) => sum + Math.exp(one - logits[unit]), 0);
  byId("sum").append(made("br"), `Softmax: exp(${number(logits[unit])}) / sum of exp over ${logits.length} classes = `,
    made("b", {}, percent(1 / total)));
}

// Sliding

let playing = 0;

function stopSliding() {
  clearInterval(playing);
  playing = 0;
  byId("sum").setAttribute("aria-live", "polite");
  byId("play").setAttribute("aria-pressed", "false");
  byId("play").textContent = "Slide the window";
}

function slideOrStop() {
  if (playing) {
    stopSliding();
    return;
  }
  byId("sum").setAttribute("aria-live", "off");
  byId("play").setAttribute("aria-pressed", "true");
  byId("play").textContent = "Stop";
  playing = setInterval(() => {
    const [, height, width] = layers[chosen.layer].shape;
    const place = (pixel.row * width + pixel.column + 1) % (height * width);
    Object.assign(pixel, { row: Math.floor(place / width), column: place % width });
    showPixel();
  }, 150);
}
