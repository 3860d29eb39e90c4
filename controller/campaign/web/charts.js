'use strict';
// Elements, numbers, tables and charts. Text only ever becomes text nodes.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
function svg(name, attributes = {}, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
// ---- numbers: 64-bit integers are texts in protobuf-JSON, absent ones are 0 or not known

const num = (value) => (value === undefined || value === null ? 0 : Number(value));
const known = (value) => value !== undefined && value !== null && Number.isFinite(Number(value));
const three = (value) => {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
};
function scaled(value, steps) {
  for (const [factor, unit] of steps) {
    if (Math.abs(value) >= factor) return three(value / factor) + unit;
  }
  const [factor, unit] = steps[steps.length - 1];
  return three(value / factor) + unit;
}
const count = (value) => !known(value) ? '-' :
    Number.isInteger(Number(value)) && Math.abs(value) < 1e4 ? String(Number(value)) :
    scaled(Number(value), [[1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']]);
const us = (value) => known(value) ?
    scaled(Number(value), [[1e6, ' s'], [1e3, ' ms'], [1, ' µs']]) : '-';
const bits = (value) => num(value) > 0 ? count(value) + 'bit/s' : '-';
const rate = (value) => count(value) + '/s';
const seconds = (value) => (Number.isInteger(value) ? value : three(value)) + ' s';
const percent = (value) => known(value) ? three(Number(value)) + ' %' : '-';
function byName(name) {
  if (/Us(\.|$|Per)/.test(name)) return us;
  if (/^bits/.test(name)) return bits;
  return /Percent$/.test(name) ? percent : count;
}
const sum = (map) => Object.values(map || {}).reduce((all, one) => all + num(one), 0);

// ---- tables

// columns: [title, cell function, 'text' | 'word' or a number]; a cell is a text or an element
function table(rows, columns) {
  const head = element('tr', {}, ...columns.map(([title, , kind]) =>
      element('th', {class: kind || 'number'}, title)));
  const body = rows.map((row) => element('tr', {}, ...columns.map(([, cell, kind]) =>
      element('td', {class: kind || 'number'}, cell(row)))));
  return element('div', {class: 'scroll'}, element('table', {}, element('thead', {}, head),
                                                   element('tbody', {}, ...body)));
}
const pairs = (entries) => table(entries, [['', (e) => e[0], 'text'], ['', (e) => e[1], 'text']]);
const colored = (text, kind) => element('span', {class: kind}, text);
function limited(rows, most, make) {
  if (rows.length <= most) return make(rows);
  return element('div', {}, make(rows.slice(0, most)),
                 element('details', {}, element('summary', {}, `all ${rows.length}`), make(rows)));
}

// ---- charts

const WIDTH = Math.max(300, Math.min(640, window.innerWidth - 60)), HEIGHT = 280, LEFT = 64, RIGHT = 14, TOP = 10, BOTTOM = 34;
const color = (index) => `var(--s${index % 6})`;

function linear(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + (value - low) / span * (to - from);
}
function niceTicks(low, high) {
  const raw = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((s) => s >= raw);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high * 1.0001; tick += step) ticks.push(tick);
  return ticks;
}
function logTicks(low, high) {
  const ticks = [];
  const factors = Math.log10(high / low) > 3 ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
    for (const factor of factors) {
      const tick = factor * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

// series: [{name, points: [[x, y], ...]}]; x and y: {ticks, scale(value) -> pixel, text}. Single points
// and those of `dots` are not joined.
function chart(series, x, y, label, dots) {
  const drawing = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label});
  for (const tick of y.ticks) {
    const at = y.scale(tick);
    drawing.append(svg('line', {class: 'axis', x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at}));
    drawing.append(svg('text', {x: LEFT - 6, y: at + 4, 'text-anchor': 'end'}, y.text(tick)));
  }
  let free = -Infinity;
  for (const tick of x.ticks) {
    const at = x.scale(tick);
    drawing.append(svg('line', {class: 'axis', x1: at, x2: at, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4}));
    if (at < free) continue;
    free = at + 46;
    drawing.append(svg('text', {x: at, y: HEIGHT - BOTTOM + 18, 'text-anchor': 'middle'}, x.text(tick)));
  }
  series.forEach((one, index) => {
    const points = one.points.map(([px, py]) => [x.scale(px), y.scale(py)]);
    if (dots || points.length === 1) {
      for (const [cx, cy] of points.filter(([, at]) => Number.isFinite(at))) {
        drawing.append(svg('circle', {cx, cy, r: 4, style: `fill:${color(index)}`}));
      }
      return;
    }
    let path = '';
    let pen = 'M';
    for (const [px, py] of points) {
      const joins = Number.isFinite(px) && Number.isFinite(py);
      if (joins) path += `${pen}${px.toFixed(1)} ${py.toFixed(1)}`;
      pen = joins ? 'L' : 'M';
    }
    drawing.append(svg('path', {d: path, style: `stroke:${color(index)}`}));
  });
  const key = element('div', {class: 'key'}, ...series.map((one, index) =>
      element('span', {}, element('i', {style: `border-color:${color(index)}`}), one.name)));
  return element('div', {}, drawing, key);
}
const everything = (series, axis) =>
    series.flatMap((one) => one.points.map((point) => point[axis])).filter(Number.isFinite);

function timeChart(series, text, label) {
  const shown = series.filter((one) => one.points.some((point) => Number.isFinite(point[1])));
  if (shown.length === 0) return null;
  const times = everything(shown, 0), values = everything(shown, 1);
  const end = Math.max(...times), top = Math.max(...values) || 1;
  const begin = Math.min(...times, 0);
  return chart(shown,
               {ticks: niceTicks(begin, end), scale: linear(begin, end, LEFT, WIDTH - RIGHT), text: seconds},
               {ticks: niceTicks(0, top), scale: linear(0, top, HEIGHT - BOTTOM, TOP), text}, label);
}
