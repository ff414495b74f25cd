
// Arithmetic of the network, free of the page. Maps of a layer lie one after the other, row by row.

function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function outputSize(size, kernel, padding, stride) {
  return (size + 2 * padding - kernel) / stride + 1;
}

// What the unit reads of map `channel` for its pixel (y, x): rows of {value, weight, row, column}; beyond the map zeros.
function windowOf(layer, before, input, unit, channel, y, x) {
  const [, height, width] = before.shape;
  const [rows, columns] = layer.kind === "linear" ? [height, width] : layer.kernel || [1, 1];
  const [strideY, strideX] = layer.stride || [1, 1];
  const [padY, padX] = layer.padding || [0, 0];
  const found = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const row = y * strideY - padY + i;
      const column = x * strideX - padX + j;
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      const value = inside ? input[(channel * height + row) * width + column] : 0;
      const place = ((unit * before.shape[0] + channel) * rows + i) * columns + j;
      found.push({ value, weight: layer.weights ? layer.weights[place] : 1, row, column });
    }
  }
  return found;
}

// One convolution alone: map `channel` with the unit's kernel for it. Of a linear layer a single number.
function singleConvolution(layer, before, input, unit, channel) {
  const [, height, width] = layer.shape;
  const result = new Float64Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const { value, weight } of windowOf(layer, before, input, unit, channel, y, x)) sum += value * weight;
      result[y * width + x] = sum;
    }
  }
  return result;
}

function weightedSum(layer, before, input) {
  const [units, height, width] = layer.shape;
  const [channels, rows, columns] = before.shape;
  const [kernelRows, kernelColumns] = layer.kind === "linear" ? [rows, columns] : layer.kernel;
  const [strideY, strideX] = layer.stride || [1, 1];
  const [padY, padX] = layer.padding || [0, 0];
  const output = new Float64Array(units * height * width);
  for (let unit = 0, place = 0; unit < units; unit++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, place++) {
        let sum = layer.biases ? layer.biases[unit] : 0;
        for (let channel = 0; channel < channels; channel++) {
          for (let i = 0; i < kernelRows; i++) {
            const row = y * strideY - padY + i;
            if (row < 0 || row >= rows) continue;
            const kernelStart = ((unit * channels + channel) * kernelRows + i) * kernelColumns;
            const mapStart = (channel * rows + row) * columns;
            for (let j = 0; j < kernelColumns; j++) {
              const column = x * strideX - padX + j;
              if (column >= 0 && column < columns) sum += input[mapStart + column] * layer.weights[kernelStart + j];
            }
          }
        }
        output[place] = sum;
      }
    }
  }
  return output;
}

function pooled(layer, before, input) {
  const [units, height, width] = layer.shape;
  const output = new Float64Array(units * height * width);
  for (let unit = 0, place = 0; unit < units; unit++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, place++) {
        const values = windowOf(layer, before, input, unit, unit, y, x).map((one) => one.value);
        output[place] = Math.max(...values);
      }
    }
  }
  return output;
}

// Activations of every layer for one picture, the picture first.
function activationsOf(layers, picture) {
  const found = [Float64Array.from(picture)];
  layers.slice(1).forEach((layer, index) => {
    const [before, input] = [layers[index], found[index]];
    if (layer.kind === "relu") found.push(input.map((value) => Math.max(0, value)));
    else if (layer.kind === "pool") found.push(pooled(layer, before, input));
    else found.push(weightedSum(layer, before, input));
  });
  return found;
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

function largestDifference(found, expected) {
  let largest = 0;
  found.forEach((values, layer) =>
    values.forEach((value, place) => (largest = Math.max(largest, Math.abs(value - expected[layer][place])))));
  return largest;
}

function networkOf(payload) {
  payload.layers.forEach((layer) => {
    layer.weights = layer.weight && decoded(layer.weight);
    layer.biases = layer.bias && decoded(layer.bias);
  });
  payload.expected = payload.activations.map((example) => example.map(decoded));
  return payload;
}
