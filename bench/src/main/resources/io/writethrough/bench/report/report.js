// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
'use strict';
(() => {
  const LIBRARY = 'writethrough';
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const main = document.getElementById('main');
  const charts = [];

  // ---- numbers and elements ----

  const count = value => value.toLocaleString('en-US', {maximumFractionDigits: value < 10 ? 2 : 0});
  const short = value => value >= 1e6 ? +(value / 1e6).toPrecision(3) + ' M'
      : value >= 1e3 ? +(value / 1e3).toPrecision(3) + ' k' : String(+value.toPrecision(3));
  const micros = nanos => nanos / 1000 < 10 ? (nanos / 1000).toFixed(2) : count(Math.round(nanos / 1000));
  const time = nanos => nanos < 1000 ? +nanos.toPrecision(3) + ' ns'
      : nanos < 1e6 ? +(nanos / 1e3).toPrecision(3) + ' µs'
      : nanos < 1e9 ? +(nanos / 1e6).toPrecision(3) + ' ms' : +(nanos / 1e9).toPrecision(3) + ' s';
  const small = value => value === null ? '–' : value < 100 ? value.toFixed(2) : count(Math.round(value));
  const isOwn = name => name.startsWith(LIBRARY);
  const isPhone = () => innerWidth <= 720;

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children.filter(child => child !== null));
    return made;
  }

  function section(id, title, ...children) {
    const made = element('section', {id}, element('h2', {}, title), ...children);
    main.append(made);
    return made;
  }

  function table(headings, rows) {
    const head = element('tr', {}, ...headings.map(heading => element('th', {scope: 'col'}, heading)));
    return element('div', {class: 'scroll', tabindex: '0'},
        element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)));
  }

  const cell = (text, attributes = {}) => element('td', attributes, text);

  // ---- colours: one for each contender, the same on the whole page ----

  const PALETTE = {
    light: ['#0f7b6c', '#12a594', '#3d4f9f', '#c2541b', '#8e4ec6', '#a8871a', '#d6409f', '#0091c2', '#6b7a1e', '#b3261e', '#7d6b5d'],
    dark: ['#4cc3ae', '#2a9d8a', '#8da4ef', '#ff9f5a', '#c79af0', '#e5c454', '#f28bc5', '#5cc8ee', '#b9cc57', '#ff8a80', '#bfae9f'],
  };
  /** By how a name begins; the longest beginning wins. */
  const KNOWN = {
    'writethrough': 0, 'writethrough callbacks': 1, 'FileChannel + force': 2, 'FileChannel': 3, 'FileChannel DIRECT': 4,
    'FileChannel.read DIRECT': 4, 'FileChannel DIRECT + DSYNC + cache': 2, 'jasyncfio': 5, 'artemis': 6,
    'writethrough calls': 5, 'writethrough futures': 1, 'AsynchronousFileChannel': 7, 'group commit': 7, 'RandomAccessFile': 8, 'force under': 9, 'MappedByteBuffer': 10, 'copy from': 10,
  };

  function colour(name) {
    if (name.startsWith('fio')) {
      return dark.matches ? '#aab4b8' : '#4b5559';
    }
    const known = Object.keys(KNOWN).filter(one => name.startsWith(one)).sort((a, b) => b.length - a.length)[0];
    return PALETTE[dark.matches ? 'dark' : 'light'][KNOWN[known] ?? 10];
  }

  // ---- charts ----

  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** A chart that is drawn anew when the colours of the page or its width change. */
  function chart(parent, title, height, option, wide) {
    const room = element('div', {class: 'chart', role: 'img', 'aria-label': title});
    const box = element('div', wide ? {class: 'wide'} : {}, element('h3', {}, title), room);
    parent.append(box);
    charts.push({room, height, option, instance: null});
  }

  function draw() {
    for (const one of charts) {
      one.instance?.dispose();
      one.room.style.height = one.height() + 'px';
      one.instance = echarts.init(one.room, null, {renderer: 'canvas', devicePixelRatio: Math.max(2, devicePixelRatio)});
      one.instance.setOption(one.option());
    }
  }

  const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

  function base() {
    return {
      animation: false,
      textStyle: {fontFamily: FONT, color: style('--text')},
      tooltip: {
        confine: true, backgroundColor: style('--card'), borderColor: style('--line'),
        textStyle: {color: style('--text'), fontSize: 12},
      },
    };
  }

  function axis(more) {
    return Object.assign({
      nameTextStyle: {color: style('--soft'), fontSize: 11},
      axisLabel: {color: style('--soft'), fontSize: 11, hideOverlap: true},
      axisLine: {show: false}, axisTick: {show: false},
      splitLine: {lineStyle: {color: style('--line')}},
      minorSplitLine: {show: false},
    }, more);
  }

  function legend(names) {
    return {
      bottom: 0, left: 0, right: 0, itemWidth: 16, itemHeight: 8, itemGap: 12, icon: 'roundRect', data: names,
      textStyle: {color: style('--text'), fontSize: 11},
    };
  }

  /** How many lines the names under a chart take, roughly. */
  function legendHeight(names) {
    const width = Math.max(280, isPhone() ? innerWidth - 60 : 480);
    let lines = 1;
    let used = 0;
    names.forEach(name => {
      const own = 40 + 6.2 * name.length;
      if (used > 0 && used + own > width) {
        lines++;
        used = 0;
      }
      used += own;
    });
    return 12 + 20 * lines;
  }

  function lines(series, more) {
    return series.map(one => Object.assign({
      type: 'line', name: one.name, data: one.data, showSymbol: false, smooth: 0.15, symbol: 'circle', symbolSize: 6,
      color: colour(one.name),
      z: isOwn(one.name) ? 3 : 2,
      lineStyle: {
        width: isOwn(one.name) ? 3.2 : 1.8,
        type: one.name.startsWith('fio') ? 'dashed' : one.name.endsWith('callbacks') ? [6, 3] : 'solid',
      },
    }, more));
  }

  /** Percentiles as HdrHistogram draws them: by the number of nines. */
  function percentileChart(parent, title, latencies) {
    const names = Object.keys(latencies);
    const x = percentile => -Math.log10(1 - Math.min(percentile, 99.9999) / 100);
    const nines = ['0', '90 %', '99 %', '99.9 %', '99.99 %', '99.999 %'];
    const series = names.map(name => ({
      name, data: latencies[name].filter(pair => pair[0] < 100).map(([percentile, nanos]) => [x(percentile), nanos, percentile]),
    }));
    const most = Math.max(...series.flatMap(one => one.data.map(point => point[0])));
    chart(parent, title, () => 270 + legendHeight(names), () => Object.assign(base(), {
      grid: {left: 8, right: 16, top: 16, bottom: legendHeight(names) + 8, containLabel: true},
      legend: legend(names),
      tooltip: Object.assign(base().tooltip, {
        trigger: 'axis',
        formatter: points => `${+points[0].data[2].toFixed(3)} %<br>` + points
            .map(point => `${point.marker}${point.seriesName}: <b>${time(point.data[1])}</b>`).join('<br>'),
      }),
      xAxis: axis({
        type: 'value', min: 0, max: Math.ceil(most * 10) / 10, interval: 1,
        axisLabel: {color: style('--soft'), fontSize: 11, showMaxLabel: false, formatter: value => nines[value] ?? ''},
      }),
      yAxis: axis({type: 'log', axisLabel: {color: style('--soft'), fontSize: 11, formatter: time}}),
      series: lines(series),
    }));
  }

  /** Room for a bar and its name, which takes more lines on a phone. */
  const row = () => isPhone() ? 36 : 27;

  /** One bar for each contender, with its number beside it. */
  function barChart(parent, title, contenders, value, format, logarithmic) {
    const shown = contenders.filter(one => value(one) !== null).slice().reverse();
    if (shown.length === 0 || !shown.some(one => value(one) > 0)) {
      return;
    }
    const most = Math.max(...shown.map(value));
    const least = Math.min(...shown.map(value).filter(number => number > 0));
    const logs = logarithmic && most / least > 12;
    chart(parent, title + (logs ? ' (logarithmic)' : ''), () => 34 + row() * shown.length, () => Object.assign(base(), {
      grid: {left: 0, right: 64, top: 8, bottom: 4, containLabel: true},
      tooltip: Object.assign(base().tooltip, {
        trigger: 'item', formatter: point => `${point.name}<br><b>${format(point.value)}</b>`,
      }),
      xAxis: axis({
        type: logs ? 'log' : 'value', min: logs ? 10 ** Math.floor(Math.log10(least) - 0.3) : 0,
        axisLabel: {show: false}, splitLine: {show: false},
      }),
      yAxis: axis({
        type: 'category', data: shown.map(one => one.name),
        axisLabel: {
          fontSize: isPhone() ? 10 : 11, width: isPhone() ? 130 : 180, overflow: 'break', lineHeight: 12,
          color: name => isOwn(name) ? style('--own') : style('--text'),
        },
      }),
      series: [{
        type: 'bar', barMaxWidth: 15, barMinHeight: 2,
        data: shown.map(one => ({
          value: value(one), itemStyle: {color: colour(one.name), borderRadius: 3, opacity: isOwn(one.name) ? 1 : 0.72},
        })),
        label: {show: true, position: 'right', color: style('--text'), fontSize: 11, formatter: point => format(point.value)},
      }],
    }));
  }

  /** Device commands of an operation: reads, writes and flushes on top of each other. */
  function commandChart(parent, contenders) {
    const kinds = [['reads', 'device_reads_per_op', '--own'], ['writes', 'device_writes_per_op', null],
      ['flushes', 'device_flushes_per_op', null]];
    const shown = contenders.filter(one => one.device_writes_per_op !== null).slice().reverse();
    const used = kinds.filter(kind => shown.some(one => one[kind[1]] > 0.05 * Math.max(...kinds.map(other => one[other[1]]))));
    if (used.length === 0) {
      return;
    }
    const tints = dark.matches ? ['#8da4ef', '#4cc3ae', '#ff9f5a'] : ['#3d4f9f', '#0f7b6c', '#d9772e'];
    chart(parent, 'Device commands per operation', () => 60 + row() * shown.length, () => {
      const total = one => used.reduce((sum, kind) => sum + one[kind[1]], 0);
      return Object.assign(base(), {
        grid: {left: 0, right: 64, top: 8, bottom: 28, containLabel: true},
        legend: legend(used.map(kind => kind[0])),
        tooltip: Object.assign(base().tooltip, {trigger: 'axis', axisPointer: {type: 'none'}, valueFormatter: small}),
        xAxis: axis({type: 'value', axisLabel: {show: false}, splitLine: {show: false}}),
        yAxis: axis({
          type: 'category', data: shown.map(one => one.name),
          axisLabel: {
            fontSize: isPhone() ? 10 : 11, width: isPhone() ? 130 : 180, overflow: 'break', lineHeight: 12,
            color: name => isOwn(name) ? style('--own') : style('--text'),
          },
        }),
        series: used.map((kind, index) => ({
          type: 'bar', stack: 'commands', name: kind[0], barMaxWidth: 15,
          color: tints[kinds.indexOf(kind)],
          data: shown.map(one => one[kind[1]]),
          label: index < used.length - 1 ? {show: false} : {
            show: true, position: 'right', color: style('--text'), fontSize: 11,
            formatter: point => total(shown[point.dataIndex]).toFixed(2),
          },
        })),
      });
    });
  }

  function growthChart(parent, growth) {
    const names = Object.keys(growth.ops_per_second);
    chart(parent, growth.title, () => 300 + legendHeight(names), () => Object.assign(base(), {
      grid: {left: 8, right: 16, top: 28, bottom: legendHeight(names) + 22, containLabel: true},
      legend: legend(names),
      tooltip: Object.assign(base().tooltip, {
        trigger: 'axis', valueFormatter: value => count(Math.round(value)) + ' ops/s',
      }),
      xAxis: axis({
        type: 'category', data: growth.loads.map(String), name: growth.unit, nameLocation: 'middle', nameGap: 24,
        boundaryGap: false, splitLine: {show: false}, axisLine: {show: true, lineStyle: {color: style('--line')}},
      }),
      yAxis: axis({type: 'value', min: 0, name: 'ops/s', nameTextStyle: {color: style('--soft'), fontSize: 11, align: 'right'},
        axisLabel: {color: style('--soft'), fontSize: 11, formatter: short}}),
      series: lines(names.map(name => ({name, data: growth.ops_per_second[name]})), {showSymbol: true}),
    }));
  }

  /** One percentile against the rate of arrivals, both logarithmic. */
  function arrivalsChart(parent, title, curve, value) {
    const names = curve.ways.map(way => way.name);
    const points = way => way.points.map(point => [point.arrivals_per_second, value(point).median]).sort((a, b) => a[0] - b[0]);
    chart(parent, title, () => 270 + legendHeight(names), () => Object.assign(base(), {
      grid: {left: 8, right: 16, top: 16, bottom: legendHeight(names) + 22, containLabel: true},
      legend: legend(names),
      tooltip: Object.assign(base().tooltip, {
        trigger: 'item',
        formatter: point => `${point.marker}${point.seriesName}<br>${count(Math.round(point.data[0]))} arrivals/s: `
            + `<b>${time(point.data[1] * 1000)}</b>`,
      }),
      xAxis: axis({
        type: 'log', name: 'arrivals/s', nameLocation: 'middle', nameGap: 24,
        axisLabel: {color: style('--soft'), fontSize: 11, formatter: short},
      }),
      yAxis: axis({type: 'log', axisLabel: {color: style('--soft'), fontSize: 11, formatter: value => time(value * 1000)}}),
      series: lines(curve.ways.map(way => ({name: way.name, data: points(way)})), {showSymbol: true, smooth: false}),
    }));
  }

  // ---- parts of the page ----

  function lead() {
    const machine = report.machine;
    document.getElementById('lead').textContent = `${machine.processor ?? ''}, ${machine.kernel ?? ''}, ${machine.java ?? ''}. `
        + `Begun ${new Date(report.begun).toISOString().replace('T', ' ').slice(0, 16)} UTC.`;
    const contents = document.getElementById('contents');
    for (const one of main.querySelectorAll('section')) {
      contents.append(element('a', {href: '#' + one.id}, one.dataset.short ?? one.querySelector('h2').textContent));
    }
  }

  /** The greatest things to say, from the targets that the run has numbers for. */
  function tiles() {
    const chosen = [['overwrite-4k', 'fio psync direct dsync', '4 KiB durable overwrites, against fio'],
      ['async32', 'fio io_uring direct dsync', '32 writes in flight, against fio'],
      ['append64', 'force under a lock', '64 appenders, against force under a lock'],
      ['append64', 'group commit', '64 appenders, against a group commit by hand'],
      ['commit-8', 'FileChannel + force(false)', '8 small writes and a force, against FileChannel'],
      ['commit-append', 'FileChannel + force(false)', '16 threads that append twice and force, against FileChannel'],
      ['read-heap', 'FileChannel.read', '4 KiB cached reads, against FileChannel'],
      ['read-64b', 'FileChannel.read', '64-byte cached reads, against FileChannel'],
      ['read-64b-hot', 'FileChannel.read', '64-byte reads that the processor has cached'],
      ['read-cold', 'fio psync direct', 'cold sequential reads, against fio'],
      ['pages-70-30', 'FileChannel DIRECT + DSYNC + cache by hand', '70/30 pages, against a page cache by hand']];
    const made = [];
    for (const [id, reference, text] of chosen) {
      const workload = report.workloads.find(one => one.id === id);
      const own = workload?.contenders.filter(one => isOwn(one.name) && one.ratios[reference]) ?? [];
      if (own.length > 0) {
        const best = own.map(one => one.ratios[reference].median).sort((a, b) => b - a)[0];
        made.push(element('div', {class: 'tile'}, element('b', {}, `× ${best < 10 ? best.toFixed(2) : count(Math.round(best))}`),
            element('span', {}, text)));
      }
    }
    return element('div', {class: 'tiles'}, ...made);
  }

  function targets() {
    const verdicts = {PASS: 'pass', WITHIN_NOISE: 'within the noise', FAIL: 'FAIL', SKIPPED: 'skipped', NOT_MEASURED: 'not measured'};
    const plain = value => value < 0.1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value.toFixed(1);
    const row = target => element('tr', {},
        cell(target.workload), cell(target.name, {class: 'text'}),
        cell(target.value === null ? target.absent ?? 'not measured' : `${plain(target.value)} ± ${plain(target.noise)}`),
        cell((target.at_least ? '≥ ' : '≤ ') + plain(target.bound)),
        cell(verdicts[target.verdict], {class: 'verdict ' + target.verdict}));
    const rows = decides => report.targets.filter(target => target.decides === decides).map(row);
    if (report.targets.length === 0) {
      return;
    }
    const headings = ['workload', 'compared', 'measured', 'target', 'verdict'];
    const reached = report.targets.filter(one => one.decides && ['PASS', 'WITHIN_NOISE'].includes(one.verdict)).length;
    const made = section('targets', 'What the library is to reach',
        element('p', {class: 'note'}, `${reached} of ${rows(true).length} reached in this run. Ratios are medians of the rounds; `
            + 'a miss by less than the noise of the run, and by less than a tenth, passes.'),
        tiles(),
        element('details', {}, element('summary', {}, 'Every target'), table(headings, rows(true)),
            element('h3', {}, 'Also watched'), table(headings, rows(false))));
    made.dataset.short = 'Targets';
  }

  function workload(one) {
    const titled = {
      'overwrite-4k': 'Overwrites', async32: '32 in flight', 'sequential-1m': '1 MiB writes', append64: 'Appends',
      'append-async': 'Appends by futures', 'commit-1': 'Commits of 1 write', 'commit-8': 'Commits of 8 writes',
      'commit-32': 'Commits of 32 writes', 'commit-stream': 'A stream, forced', 'commit-stream-force': 'Its force alone',
      'commit-append': 'Commits of appends', 'commit-writes': 'Writes between forces',
      'mapped-1': 'Mapped, 1 page', 'mapped-16': 'Mapped, 16 pages', 'mapped-1m': 'Mapped, 1 MiB',
      'mapped-log': 'Mapped log', 'mapped-clean': 'Mapped, no store',
      'read-heap': 'Cached reads', 'read-direct': 'Cached reads, direct',
      'read-64b': '64-byte reads', 'read-64b-hot': '64-byte reads, hot',
      'read-cold': 'Cold reads', 'pages-70-30': 'Pages 70/30', 'open-close': 'Open, close',
    };
    const made = section(one.id, one.title);
    made.dataset.short = titled[one.id] ?? one.id;
    if (one.failure) {
      made.append(element('p', {class: 'FAIL'}, one.failure));
      return;
    }
    const note = text => made.append(element('p', {class: 'note'}, text));
    Object.entries(one.absent).forEach(([name, reason]) => note(`Skipped: ${name}: ${reason}`));
    Object.entries(one.unmeasured).forEach(([name, reason]) => note(`Not measured: ${name}: ${reason}`));
    if (one.contenders.length === 0) {
      return;
    }
    const grid = element('div', {class: 'charts'});
    made.append(grid);
    barChart(grid, 'Operations per second', one.contenders, each => each.ops_per_second.median, short, true);
    percentileChart(grid, 'Latency by percentile', Object.fromEntries(one.contenders.map(each => [each.name, each.latency])));
    commandChart(grid, one.contenders);
    barChart(grid, 'Processor time per operation', one.contenders, each => each.cpu_ns_per_op || null, time, true);
    made.append(figures(one));
  }

  function figures(one) {
    const at = (each, percentile) => (each.latency.find(pair => pair[0] === percentile) ?? [0, NaN])[1];
    const bytes = each => each.device_read_bytes_per_op === null ? null
        : (each.device_read_bytes_per_op + each.device_written_bytes_per_op) / 1024;
    const rows = one.contenders.map(each => element('tr', isOwn(each.name) ? {class: 'own'} : {},
        element('td', {class: 'name'}, each.name, element('small', {}, each.guarantee)), cell(small(each.ops_per_second.median)),
        ...one.references.map(reference => {
          const ratio = each.ratios[reference];
          return ratio === undefined ? cell('–') : element('td', {}, ratio.median.toFixed(2),
              element('small', {}, `${ratio.least.toFixed(2)} – ${ratio.most.toFixed(2)}`));
        }),
        cell(micros(at(each, 50))), cell(micros(at(each, 99))), cell(micros(at(each, 99.9))),
        cell(small(each.device_reads_per_op)), cell(small(each.device_writes_per_op)), cell(small(each.device_flushes_per_op)),
        cell(small(bytes(each))), cell(micros(each.cpu_ns_per_op)), cell(small(each.heap_bytes_per_op))));
    return table(['and what it guarantees', 'ops/s', ...one.references.map(reference => '× ' + reference), 'p50 µs', 'p99 µs', 'p99.9 µs', 'disk reads',
      'disk writes', 'flushes', 'disk KiB', 'CPU µs', 'heap bytes'], rows);
  }

  function growth() {
    if (report.growth.length === 0) {
      return;
    }
    const made = section('growth', 'Throughput against load');
    const grid = element('div', {class: 'charts'});
    made.append(grid);
    report.growth.forEach(one => growthChart(grid, one));
    report.growth.forEach(one => percentileChart(grid,
        `Latency at ${short(one.half_load_ops_per_second)} ops/s, half of the library's most`, one.half_load_latency));
  }

  function latency() {
    for (const curve of report.latency) {
      const made = section(curve.id, curve.title, element('p', {class: 'note'}, 'Medians of the rounds, with the least and the '
          + 'greatest. A time counts from the planned arrival; "sent late" is the part of it before the append begins.'));
      made.dataset.short = 'Open arrivals';
      const grid = element('div', {class: 'charts'});
      made.append(grid);
      arrivalsChart(grid, 'p50 against arrivals', curve, point => point.p50_micros);
      arrivalsChart(grid, 'p99 against arrivals', curve, point => point.p99_micros);
      arrivalsChart(grid, 'p99.9 against arrivals', curve, point => point.p999_micros);
      arrivalsChart(grid, 'Sent late, p50', curve, point => point.late_p50_micros);
      const ranged = spread => element('td', {}, micros(spread.median * 1000),
          element('small', {}, `${micros(spread.least * 1000)} – ${micros(spread.most * 1000)}`));
      made.append(table(
          ['', 'of its most', 'arrivals/s', 'done/s', 'p50 µs', 'p99 µs', 'p99.9 µs', 'sent late p50 µs'],
          curve.ways.flatMap(way => way.points.map(point => element('tr', isOwn(way.name) ? {class: 'own'} : {},
              element('td', {class: 'name'}, way.name,
                  element('small', {}, `${count(Math.round(way.most_per_second.median))}/s at most`)),
              cell(point.percent_of_most === null ? '–' : point.percent_of_most + ' %'),
              cell(count(Math.round(point.arrivals_per_second))), cell(count(Math.round(point.ops_per_second.median))),
              ranged(point.p50_micros), ranged(point.p99_micros), ranged(point.p999_micros), ranged(point.late_p50_micros))))));
    }
  }

  function scaling() {
    if (report.scaling.length === 0) {
      return;
    }
    const made = section('scaling', 'Cost as files and cached bytes grow');
    for (const steps of report.scaling) {
      made.append(element('h3', {}, steps.title), table([steps.unit, LIBRARY, steps.reference, 'ratio'],
          steps.steps.map(step => element('tr', {}, cell(count(step.size)), cell(time(step.nanos)), cell(time(step.reference_nanos)),
              cell((step.nanos / step.reference_nanos).toFixed(2))))));
    }
  }

  function facts(id, title, entries, more) {
    const list = element('dl', {}, ...Object.entries(entries)
        .flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
    section(id, title, list, more ?? null);
  }

  targets();
  growth();
  report.workloads.forEach(workload);
  latency();
  scaling();
  facts('storage', 'The disk', report.storage);
  facts('machine', 'The machine and the versions', report.machine);
  facts('method', 'How it was measured', report.method);
  const commands = section('commands', 'The commands');
  Object.entries(report.commands).forEach(([name, command]) =>
      commands.append(element('div', {class: 'note'}, name), element('pre', {}, command)));
  lead();
  draw();

  dark.addEventListener('change', draw);
  let width = innerWidth;
  let waiting = 0;
  addEventListener('resize', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (innerWidth !== width) {
        width = innerWidth;
        draw();
      }
    }, 120);
  });
})();
