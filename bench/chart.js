// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
// chart.js REPORT.json: what bench/chart draws, by the ECharts among the libraries of the built benchmark.
'use strict';
const {execFileSync} = require('child_process');
const fs = require('fs');
const path = require('path');

const libraries = path.join(__dirname, 'target', 'lib');
const jar = fs.readdirSync(libraries).find(name => name.startsWith('echarts-'));
const version = jar.slice('echarts-'.length, -'.jar'.length);
const source = execFileSync('unzip',
    ['-p', path.join(libraries, jar), `META-INF/resources/webjars/echarts/${version}/dist/echarts.min.js`],
    {maxBuffer: 1 << 24, encoding: 'utf8'});
const loaded = {exports: {}};
new Function('module', 'exports', source)(loaded, loaded.exports);
const echarts = loaded.exports;

const WIDTH = 1000, HEIGHT = 420, TOP = 84, BOTTOM = 92;
const COLOURS = ['#0f7b6c', '#c2541b', '#3d4f9f', '#8e4ec6', '#a8871a', '#d6409f'];
const TEXT = {fontFamily: 'system-ui, sans-serif', color: '#33393c'};

const report = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const option = {
  animation: false, backgroundColor: '#ffffff', textStyle: TEXT,
  title: [], legend: [], grid: [], xAxis: [], yAxis: [], series: [],
};
report.growth.forEach((growth, index) => {
  const left = 20 + index * WIDTH / report.growth.length;
  const width = WIDTH / report.growth.length - 44;
  const names = Object.keys(growth.ops_per_second);
  const soft = {...TEXT, color: '#5b6468', fontSize: 11};
  option.title.push({
    text: growth.title.replace(/, (?=[^,]*$)/, ',\n'), left, top: 8,
    textStyle: {...TEXT, fontSize: 14, fontWeight: 600, lineHeight: 19},
  });
  option.grid.push({left, width, top: TOP, bottom: BOTTOM, containLabel: true});
  option.legend.push({data: names, left, width, bottom: 6, itemGap: 12, itemWidth: 18, itemHeight: 8, textStyle: soft});
  option.xAxis.push({
    gridIndex: index, type: 'category', boundaryGap: false, data: growth.loads.map(String), axisLabel: soft,
    name: growth.unit, nameLocation: 'middle', nameGap: 26, nameTextStyle: soft, axisTick: {alignWithLabel: true},
  });
  option.yAxis.push({
    gridIndex: index, type: 'value', min: 0, axisLabel: {...soft, formatter: value => value && value / 1000 + ' k'},
    name: 'per second', nameTextStyle: {...soft, align: 'left'}, splitLine: {lineStyle: {color: '#e6e9ea'}},
  });
  names.forEach((name, number) => option.series.push({
    type: 'line', name, xAxisIndex: index, yAxisIndex: index, data: growth.ops_per_second[name],
    symbol: 'circle', symbolSize: 6, lineStyle: {width: name.startsWith('writethrough') ? 3.5 : 1.8, type: name.startsWith('fio') ? 'dashed' : 'solid'},
    itemStyle: {color: name.startsWith('fio') ? '#4b5559' : COLOURS[(number + (index && number ? 3 : 0)) % COLOURS.length]},
    z: number === 0 ? 3 : 2,
  }));
});
const chart = echarts.init(null, null, {renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT});
chart.setOption(option);
fs.writeSync(1, chart.renderToSVGString() + '\n');
process.exit(); // ECharts keeps a timer
