
// How the output's size follows from input, kernel, padding and stride.

const sizeForm = byId("size-form");
const step = { row: 0, column: 0 };

function readSizes() {
  const values = Object.fromEntries([...sizeForm.elements].map((one) => [one.name, Number(one.value)]));
  const whole = Object.entries(values).every(([name, value]) =>
    Number.isInteger(value) && value >= Number(sizeForm[name].min) && value <= Number(sizeForm[name].max));
  return { ...values, output: outputSize(values.size, values.kernel, values.padding, values.stride), whole };
}

function showSizes() {
  const { size, kernel, padding, stride, output, whole } = readSizes();
  const fits = whole && output >= 1;
  const even = fits && Number.isInteger(output);
  sizeForm.kernel.setAttribute("aria-invalid", whole && !fits);
  sizeForm.stride.setAttribute("aria-invalid", fits && !even);
  byId("size-formula").className = even ? "" : "warn";
  byId("size-formula").textContent = sizeText({ size, kernel, padding, stride, output, whole, fits, even });
  [byId("size-input"), byId("size-output")].forEach((canvas) => (canvas.hidden = !fits));
  if (fits) paintSizes(size, kernel, padding, stride, Math.floor(output));
}

function sizeText({ size, kernel, padding, stride, output, whole, fits, even }) {
  if (!whole) return "Whole numbers are needed, within the limits of the fields.";
  const formula = `(input + 2 × padding − kernel) / stride + 1 = (${size} + 2 × ${padding} − ${kernel}) / ${stride} + 1 = `;
  if (!fits) return `The kernel does not fit: ${kernel} into ${size + 2 * padding} with padding.`;
  if (even) return formula + output;
  const left = (size + 2 * padding - kernel) % stride;
  return `${formula}${number(output, 2)}, not a whole number: the stride does not fit, the last ${left === 1 ? "row and column are" : `${left} rows and columns are`} never read. torch rounds down to ${Math.floor(output)}.`;
}

function paintSizes(size, kernel, padding, stride, output) {
  const padded = size + 2 * padding;
  step.row = Math.min(step.row, output - 1);
  step.column = Math.min(step.column, output - 1);
  const inside = (place) => place >= padding && place < padding + size;
  paintCells(byId("size-input"), padded, (row, column) => (inside(row) && inside(column) ? 0.55 : 0.08),
    [step.row * stride, step.column * stride, kernel, kernel]);
  paintCells(byId("size-output"), output, () => 0.55, [step.row, step.column, 1, 1]);
  byId("size-output").setAttribute("aria-label", `Output, row ${step.row + 1}, column ${step.column + 1} of ${output}`);
}

const CELL = 22; // pixels

function paintCells(canvas, side, shareAt, frame) {
  canvas.width = canvas.height = side * CELL + 4;
  const context = canvas.getContext("2d");
  context.translate(2, 2);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      context.fillStyle = `rgb(${diverging(shareAt(row, column))})`;
      context.fillRect(column * CELL + 1, row * CELL + 1, CELL - 2, CELL - 2);
    }
  }
  const [top, left, rows, columns] = frame.map((value) => value * CELL);
  context.lineWidth = 3;
  context.strokeStyle = `rgb(${tones.ink})`;
  context.strokeRect(left, top, columns, rows);
}
