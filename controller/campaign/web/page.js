// Draws the data of #data: a saved run, or several.
(() => {
  const {saved, curves} = JSON.parse(document.getElementById('data').textContent);
  const page = document.getElementById('page');
  page.textContent = '';

  let grid = null;
  function section(title, content, wide, note, parent = grid) {
    const made = element('section', wide ? {class: 'wide'} : {}, element('h2', {}, title),
                         note ? element('p', {class: 'quiet'}, note) : null, content);
    parent.append(made);
  }

  // Latency to the right on a logarithmic axis, upwards the nines of the share that was as fast.
  function latencyChart() {
    const names = {responseLatency: 'response', serviceLatency: 'service',
                   sendLateness: 'send lateness', connectLatency: 'connect'};
    const nines = (share) => -Math.log10(Math.max(1 - share / 100, 1e-9));
    const least = 0.1;  // a microsecond's tenth: 0 has no logarithm
    const series = curves.map((curve) => ({
      name: names[curve.name],
      points: curve.points.map(([share, value]) => [Math.max(value, least), nines(share)]),
    }));
    if (series.length === 0) return null;
    const values = everything(series, 0);
    const low = Math.min(...values), high = Math.max(Math.max(...values), low * 2);
    const top = Math.max(...everything(series, 1), 2);
    const scale = linear(Math.log10(low), Math.log10(high), LEFT, WIDTH - RIGHT);
    const levels = [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].filter((level) => nines(level) <= top);
    return chart(series, {ticks: logTicks(low, high), scale: (value) => scale(Math.log10(value)), text: us},
                 {ticks: levels.map(nines), scale: linear(0, top, HEIGHT - BOTTOM, TOP),
                  text: (value) => `${+(100 * (1 - 10 ** -value)).toFixed(4)} %`},
                 'latency distribution');
  }

  // ---- parts of a run

  function verdict(word, reason) {
    return element('p', {class: 'reason'}, element('span', {class: `verdict ${word}`}, word), reason || '');
  }
  function tile(title, value) {
    return element('div', {class: 'tile'}, element('b', {}, value), element('span', {}, title));
  }
  const workload = (spec) => (spec.workload || '').replace('WORKLOAD_', '').toLowerCase() || 'load';
  const time = (start) => start ? new Date(start).toISOString().replace('T', ' ').slice(0, 19) + ' UTC' : '';

  function tiles(report) {
    const total = report.total || {};
    const response = total.responseLatencyUs || {}, connect = total.connectLatencyUs || {};
    const made = [tile('achieved', rate(num(total.ratePerSecond)))];
    const asked = num(((report.run || {}).spec || {}).ratePerSecond);
    if (asked > 0) made.push(tile('asked for', rate(asked)));
    if (known(response.p50)) made.push(tile('response p50', us(response.p50)), tile('response p99', us(response.p99)));
    if (known(connect.p50)) made.push(tile('connect p50', us(connect.p50)), tile('connect p99', us(connect.p99)));
    if (num(total.bitsSentPerSecond) > 1e6) made.push(tile('sent', bits(total.bitsSentPerSecond)));
    if (num(total.bitsReceivedPerSecond) > 1e6) made.push(tile('received', bits(total.bitsReceivedPerSecond)));
    made.push(tile('failed', count(sum(total.failed))));
    if (known(report.startSkewUs)) made.push(tile('start skew', us(report.startSkewUs)));
    return element('div', {class: 'tiles'}, ...made);
  }

  // In a closed loop service is response.
  function distributions(total, isClosed) {
    const rows = [['response', total.responseLatencyUs], ['service', isClosed ? null : total.serviceLatencyUs],
                  ['send lateness', total.sendLatenessUs], ['connect', total.connectLatencyUs],
                  ['connect, one SYN retransmit', total.connectLatencyOneRetransmitUs],
                  ['connect, more', total.connectLatencyMoreRetransmitsUs],
                  ['RTT', (total.tcpInfo || {}).rttUs]]
        .filter(([, distribution]) => distribution && num(distribution.count) > 0);
    if (rows.length === 0) return null;
    return table(rows, [['', (r) => r[0], 'text'], ['count', (r) => count(r[1].count)], ['min', (r) => us(r[1].min)],
                        ['p50', (r) => us(r[1].p50)], ['p90', (r) => us(r[1].p90)], ['p99', (r) => us(r[1].p99)],
                        ['p99.9', (r) => us(r[1].p999)], ['max', (r) => us(r[1].max)],
                        ['mean', (r) => us(r[1].mean)]]);
  }

  // What was counted between two intervals, per second of measured time; nothing is counted before.
  function differences(intervals, read) {
    const points = [];
    let before = {measured: 0, value: 0};
    for (const interval of intervals) {
      const now = {measured: num((interval.total || {}).measuredSeconds), value: read(interval)};
      if (now.measured > before.measured) {
        points.push([num(interval.elapsedSeconds), (now.value - before.value) / (now.measured - before.measured)]);
        before = now;
      }
    }
    return points;
  }
  function rateChart(intervals) {
    const series = [{name: 'succeeded', points: differences(intervals, (i) => num((i.total || {}).succeeded))}];
    const failed = differences(intervals, (i) => sum((i.total || {}).failed));
    if (failed.some((point) => point[1] > 0)) series.push({name: 'failed', points: failed});
    return timeChart(series, rate, 'rate over time');
  }
  function bitChart(intervals) {
    const series = [['sent', 'bytesSent'], ['received', 'bytesReceived']].map(([name, field]) => ({
      name, points: differences(intervals, (i) => 8 * num((i.total || {})[field]))}));
    if (!everything(series, 1).some((value) => value > 1e6)) return null;
    return timeChart(series, (value) => count(value) + 'bit/s', 'throughput over time');
  }
  function intervalSeries(intervals, entries) {
    return entries.map(([name, read]) => ({
      name, points: intervals.map((i) => [num(i.elapsedSeconds), Number(read(i.interval || {}))])}));
  }
  const of = (distribution, field) => distribution && known(distribution[field]) ? distribution[field] : NaN;

  // Sections as [title, content, wide, note].
  function overTime(intervals) {
    return [
      ['Rate', rateChart(intervals), false, 'Of the measured time, since the planned start.'],
      ['Throughput', bitChart(intervals)],
      ['Latency over time', timeChart(intervalSeries(intervals, [
        ['response p50', (i) => of(i.responseLatencyUs, 'p50')], ['response p99', (i) => of(i.responseLatencyUs, 'p99')],
        ['connect p50', (i) => of(i.connectLatencyUs, 'p50')], ['connect p99', (i) => of(i.connectLatencyUs, 'p99')]]),
        us, 'latency over time')],
      ['Round-trip time', timeChart(intervalSeries(intervals, [
        ['rtt p50', (i) => of((i.tcpInfo || {}).rttUs, 'p50')], ['rtt p99', (i) => of((i.tcpInfo || {}).rttUs, 'p99')],
        ['min rtt p50', (i) => of((i.tcpInfo || {}).minRttUs, 'p50')]]), us, 'rtt over time'), false,
        'Of the connections whose TCP_INFO is sampled.'],
      ['Congestion window', timeChart(intervalSeries(intervals, [
        ['cwnd p50', (i) => of((i.tcpInfo || {}).sndCwnd, 'p50')], ['cwnd p99', (i) => of((i.tcpInfo || {}).sndCwnd, 'p99')]]),
        count, 'congestion window over time')],
      ['Retransmits', timeChart([{name: 'segments', points: differences(intervals,
        (i) => num(((i.total || {}).tcpInfo || {}).totalRetransmits))}], rate, 'retransmits over time')],
    ].filter(([, content]) => content);
  }

  function agents(report) {
    const rows = report.agents || [];
    if (rows.length === 0) return null;
    return limited(rows, 20, (some) => table(some, [
      ['agent', (r) => r.name || '', 'text'], ['role', (r) => r.role || '', 'word'],
      ['rate', (r) => r.role === 'server' ? '-' : rate(num(r.ratePerSecond))],
      ['succeeded', (r) => count(num(r.succeeded))], ['failed', (r) => count(sum(r.failed))],
      ['accepted', (r) => r.role === 'server' ? count(num(r.connectionsAccepted)) : '-'],
      ['connect p99', (r) => us((r.connectLatencyUs || {}).p99)],
      ['response p99', (r) => us((r.responseLatencyUs || {}).p99)],
      ['RTT p50', (r) => us(((r.tcpInfo || {}).rttUs || {}).p50)],
      ['retransmits', (r) => r.tcpInfo ? count(num(r.tcpInfo.totalRetransmits)) : '-'],
      ['CPU', (r) => known(r.cpuSeconds) ? seconds(num(r.cpuSeconds)) : '-'],
      ['first SYN', (r) => known(r.firstSynOffsetUs) ?
          `${us(r.firstSynOffsetUs)} ± ${us(num(r.clockUncertaintyUs))}` : '-'],
      ['kernel', (r) => r.kernel || '', 'word'],
    ]));
  }

  function skewChart(report) {
    const rows = (report.agents || []).filter((agent) => known(agent.firstSynOffsetUs));
    if (rows.length < 2) return null;
    const low = Math.min(0, ...rows.map((r) => num(r.firstSynOffsetUs) - num(r.clockUncertaintyUs)));
    const high = Math.max(0, ...rows.map((r) => num(r.firstSynOffsetUs) + num(r.clockUncertaintyUs)));
    const shown = rows.slice(0, 100);
    const step = 18, height = shown.length * step + BOTTOM;
    const scale = linear(low, high, 150, WIDTH - RIGHT);
    const drawing = svg('svg', {viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': 'start skew'});
    for (const tick of niceTicks(low, high)) {
      drawing.append(svg('line', {class: 'axis', x1: scale(tick), x2: scale(tick), y1: 0, y2: height - BOTTOM}));
      drawing.append(svg('text', {x: scale(tick), y: height - 12, 'text-anchor': 'middle'}, us(tick)));
    }
    shown.forEach((row, index) => {
      const at = index * step + step / 2;
      const offset = num(row.firstSynOffsetUs), unsure = num(row.clockUncertaintyUs);
      drawing.append(svg('text', {x: 142, y: at + 4, 'text-anchor': 'end'}, (row.name || '').slice(0, 20)));
      drawing.append(svg('path', {d: `M${scale(offset - unsure)} ${at}H${scale(offset + unsure)}`,
                                  style: 'stroke:var(--quiet)'}));
      drawing.append(svg('circle', {cx: scale(offset), cy: at, r: 4, style: 'fill:var(--s0)'}));
    });
    return drawing;
  }

  const PATH_NUMBERS = [
    ['rate', (p) => num(p.ratePerSecond), rate], ['connect p99', (p) => of(p.connectLatencyUs, 'p99'), us],
    ['response p99', (p) => of(p.responseLatencyUs, 'p99'), us], ['RTT p50', (p) => of(p.rttUs, 'p50'), us],
    ['sent', (p) => num(p.bitsSentPerSecond), bits],
  ];
  function heatMap(paths) {
    const clients = [...new Set(paths.map((path) => path.client))].sort();
    const targets = [...new Set(paths.map((path) => path.target))].sort();
    const cells = new Map(paths.map((path) => [JSON.stringify([path.client, path.target]), path]));
    const holder = element('div');
    const choice = element('select', {'aria-label': 'number'});
    const draw = () => {
      const [, read, text] = PATH_NUMBERS[choice.selectedIndex];
      const most = Math.max(...paths.map(read).filter(Number.isFinite), 0);
      const head = element('tr', {}, element('th', {}, 'client \\ target'),
                           ...targets.map((target) => element('th', {}, target || '')));
      const rows = clients.map((client) => element('tr', {}, element('th', {}, client || ''),
          ...targets.map((target) => {
            const path = cells.get(JSON.stringify([client, target]));
            const value = path ? read(path) : NaN;
            const depth = Number.isFinite(value) && most > 0 ? 0.06 + 0.5 * value / most : 0;
            return element('td', {class: 'heat', style: `background:rgba(var(--heat),${depth.toFixed(3)})`},
                           Number.isFinite(value) ? text(value) : '-');
          })));
      holder.replaceChildren(element('div', {class: 'scroll'},
                                     element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows))));
    };
    for (const [title, read] of PATH_NUMBERS) {
      const option = element('option', {}, title);
      option.disabled = !paths.some((path) => Number.isFinite(read(path)));
      choice.append(option);
    }
    choice.addEventListener('change', draw);
    draw();
    return element('div', {}, choice, holder);
  }

  function kernelCounters(report) {
    const rows = [];
    for (const agent of report.agents || []) {
      for (const [name, change] of Object.entries(agent.kernelCounters || {})) {
        rows.push([agent.name, agent.role, name, num(change)]);
      }
    }
    if (rows.length === 0) return null;
    rows.sort((a, b) => (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : b[3] - a[3]));
    return limited(rows, 24, (some) => table(some, [['counter', (r) => r[2], 'text'], ['change', (r) => count(r[3])],
                                                    ['host', (r) => r[0] || '', 'text'], ['role', (r) => r[1] || '', 'word']]));
  }

  function slowest(report) {
    const rows = report.slowest || [];
    if (rows.length === 0) return null;
    const fields = ['rtt', 'rto', 'total_retrans', 'snd_cwnd', 'unacked', 'lost'];
    return table(rows, [['response', (r) => us(num(r.responseLatencyUs))], ['service', (r) => us(num(r.serviceLatencyUs))],
                        ['due', (r) => seconds(num(r.dueSeconds))], ['agent', (r) => r.agent || '', 'text'],
                        ['connection', (r) => `${r.local || '?'} → ${r.peer || '?'}`, 'text'],
                        ['TCP_INFO', (r) => fields.filter((f) => known((r.fields || {})[f]))
                            .map((f) => `${f} ${r.fields[f]}`).join(', '), 'text']]);
  }

  function thresholds(report) {
    const rows = report.thresholds || [];
    if (rows.length === 0) return null;
    return table(rows, [['threshold', (r) => r.expression, 'text'],
                        ['observed', (r) => known(r.observed) ? String(+Number(r.observed).toPrecision(6)) : 'nothing'],
                        ['', (r) => r.passed ? colored('held', 'good') : colored('BROKEN', 'bad'), 'text']]);
  }

  function troubles(report) {
    const lines = (report.failures || []).map((f) => [`${f.name}: ${f.kind}`, f.cause || '']);
    for (const agent of report.agents || []) {
      for (const [name, times] of Object.entries(agent.failed || {})) {
        if (num(times) > 0) lines.push([`${agent.name}: failed, ${name}`, count(times)]);
      }
      for (const blocker of agent.blockers || []) lines.push([`${agent.name}: will break`, blocker]);
      for (const warning of agent.warnings || []) lines.push([`${agent.name}: warning`, warning]);
    }
    return lines.length > 0 ? limited(lines, 20, pairs) : null;
  }

  function options() {
    const rows = saved.options || [];
    return rows.length === 0 ? null :
        pairs(rows.map((o) => [o.name === 'workload' ? o.name : '--' + o.name, (o.values || []).join(', ')]));
  }
  function hosts() {
    const rows = saved.hosts || [];
    if (rows.length === 0) return null;
    const list = limited(rows, 20, (some) => table(some, [
      ['host', (r) => r.name || '', 'text'], ['role', (r) => r.role || '', 'word'],
      ['agent', (r) => (r.host || {}).version || '', 'word'], ['kernel', (r) => (r.host || {}).kernel || '', 'word'],
      ['CPUs', (r) => count(num((r.host || {}).cpus))],
    ]));
    const settings = new Map();  // "key = value" to the hosts that say so
    for (const host of rows) {
      for (const [key, value] of Object.entries(host.settings || {})) {
        const said = `${key} = ${String(value).replace(/\s+/g, ' ')}`;
        if (!settings.has(said)) settings.set(said, []);
        settings.get(said).push(host.name);
      }
    }
    if (settings.size === 0) return list;
    const entries = [...settings].sort().map(([said, names]) => [
      said, names.length === rows.length ? 'all hosts' : names.slice(0, 8).join(', ') +
          (names.length > 8 ? ` and ${names.length - 8} more` : '')]);
    return element('div', {}, list, element('details', {}, element('summary', {}, `${entries.length} settings`),
                                            pairs(entries)));
  }

  // ---- pages

  function drawRun(report) {
    const run = report.run || {}, spec = run.spec || {}, total = report.total || {};
    const targets = (spec.targets || []).map((target) => `${target.host}:${target.port}`)
        .concat((report.agents || []).filter((agent) => agent.role === 'server').map((agent) => agent.name));
    const title = `${workload(spec)}${targets.length ? ' to ' + targets.slice(0, 6).join(', ') : ''}` +
        (targets.length > 6 ? ` and ${targets.length - 6} more` : '');
    document.title = `tcpfleet ${title}: ${report.verdict}`;
    page.append(element('h1', {}, title),
                element('div', {class: 'quiet'}, [time(run.start), `${count(num(spec.connections))} connections`,
                    `${seconds(num(spec.durationMs) / 1e3)} after ${seconds(num(spec.warmupMs) / 1e3)} of warm-up`,
                    run.loop ? `${run.loop} loop` : '', `tcpfleet ${run.controllerVersion || '?'}`]
                    .filter(Boolean).join(' · ')),
                verdict(report.verdict, report.verdictReason), tiles(report));
    grid = element('div', {class: 'grid'});
    page.append(grid);
    const intervals = saved.intervals || [];
    const parts = [
      ['Thresholds', thresholds(report)],
      ['Trouble', troubles(report), true],
      ['Latency distribution', latencyChart(), false, 'Share of operations that took at most so long.'],
      ...overTime(intervals),
      ['Latencies', distributions(total, run.loop === 'closed'), true],
      ['Agents', agents(report), true],
      ['Paths', (report.paths || []).length ? heatMap(report.paths) : null, true],
      ['Start', skewChart(report), false, 'First connection attempt of each client, relative to the planned start.'],
      ['Kernel counters', kernelCounters(report), false, 'That moved in the measured time.'],
      ['Slowest operations', slowest(report), true],
    ];
    for (const [name, content, wide, note] of parts) if (content) section(name, content, wide, note);
  }

  // Charts of one run of a campaign, drawn when it is opened.
  function runDetails(run, number, intervals) {
    const charts = element('div', {class: 'grid'});
    const details = element('details', {}, element('summary', {},
        `Run ${number}${run.label && run.label !== 'run' ? ', ' + run.label : ''}`), charts);
    details.addEventListener('toggle', () => {
      if (charts.childElementCount > 0) return;
      for (const [title, content, wide, note] of overTime(intervals)) section(title, content, wide, note, charts);
    });
    return details;
  }

  function drawCampaign(campaign) {
    const titles = {repeat: 'the same run, repeated', 'find-max': 'search for the highest rate',
                    ab: 'A and B in turn', compare: 'A and B compared'};
    const runs = campaign.runs || [];
    const first = runs.length ? runs[0].report || {} : {};
    const title = `${workload((first.run || {}).spec || {})}: ${titles[campaign.kind] || campaign.kind}`;
    document.title = `tcpfleet ${title}`;
    page.append(element('h1', {}, title),
                element('div', {class: 'quiet'}, [time((first.run || {}).start), `${runs.length} runs`].filter(Boolean).join(' · ')),
                verdict(campaign.verdict, campaign.verdictReason));
    grid = element('div', {class: 'grid'});
    page.append(grid);
    const maximum = campaign.maximum || {};
    const spreads = (rows) => !rows || rows.length === 0 ? null : table(rows, [
      ['number', (r) => r.name, 'text'], ['median', (r) => byName(r.name)(num(r.median))],
      ['min', (r) => byName(r.name)(num(r.min))], ['max', (r) => byName(r.name)(num(r.max))],
      ['variation', (r) => percent(r.variationPercent)], ['runs', (r) => count(num(r.runs))]]);
    const comparisons = (campaign.comparisons || []).length === 0 ? null : table(campaign.comparisons, [
      ['number', (r) => r.name, 'text'], ['A', (r) => byName(r.name)(num(r.medianA))],
      ['B', (r) => byName(r.name)(num(r.medianB))], ['B / A', (r) => known(r.ratio) ? num(r.ratio).toFixed(3) : '-'],
      ['interval', (r) => known(r.ratioLow) ?
          `${num(r.ratioLow).toFixed(3)} to ${num(r.ratioHigh).toFixed(3)} (${percent(r.confidencePercent)})` : '-'],
      ['', (r) => r.conclusive ? colored(r.ratio > 1 ? 'B is higher' : 'B is lower', 'good') :
          colored('not conclusive', 'unsure'), 'text']]);
    const made = table(runs, [
      ['run', (r) => String(runs.indexOf(r) + 1)], ['kind', (r) => r.label || '', 'word'],
      ['asked for', (r) => known(r.requestedRatePerSecond) ? rate(r.requestedRatePerSecond) : '-'],
      ['achieved', (r) => rate(num(((r.report || {}).total || {}).ratePerSecond))],
      ['response p99', (r) => us((((r.report || {}).total || {}).responseLatencyUs || {}).p99)],
      ['connect p99', (r) => us((((r.report || {}).total || {}).connectLatencyUs || {}).p99)],
      ['', (r) => known(r.holds) || typeof r.holds === 'boolean' ?
          (r.holds ? colored('holds', 'good') : colored('does not hold', 'bad')) :
          colored((r.report || {}).verdict || '', (r.report || {}).verdict || ''), 'text'],
      ['note', (r) => r.note || '', 'text long']]);
    const details = runs.map((run, i) => [run, i + 1, ((saved.runIntervals || [])[i] || {}).intervals || []])
        .filter(([, , intervals]) => intervals.length > 0).map((entry) => runDetails(...entry));
    const perRun = ['responseLatencyUs', 'connectLatencyUs'].map((field) => ({
      name: field.replace('LatencyUs', ' p99'),
      points: runs.map((r) => [known(r.requestedRatePerSecond) ? num(r.requestedRatePerSecond) : NaN,
                               of(((r.report || {}).total || {})[field], 'p99')])
          .filter((point) => Number.isFinite(point[0])).sort((a, b) => a[0] - b[0])}));
    const searched = campaign.kind === 'find-max' ? rateScan(perRun) : null;
    for (const [name, content, wide] of [
      ['Numbers', spreads(campaign.numbers), true], ['Comparison', comparisons, true],
      ['Latency by rate', searched], ['At the rate found', spreads(maximum.observed)],
      ['Differences', (campaign.differences || []).length === 0 ? null : table(campaign.differences, [
        ['', (d) => d.what, 'text'], ['A', (d) => d.a || '-', 'text'], ['B', (d) => d.b || '-', 'text']]), true],
      ['Runs', made, true], ['Over time', details.length > 0 ? element('div', {}, ...details) : null, true],
    ]) if (content) section(name, content, wide);
  }
  function rateScan(series) {
    const shown = series.filter((one) => one.points.some((point) => Number.isFinite(point[1])));
    const rates = everything(shown, 0), values = everything(shown, 1).filter((value) => value > 0);
    if (rates.length < 2 || values.length === 0) return null;
    const low = Math.min(...values), high = Math.max(Math.max(...values), low * 2);
    const scale = linear(Math.log10(low), Math.log10(high), HEIGHT - BOTTOM, TOP);
    const least = Math.min(...rates), most = Math.max(...rates);
    return chart(shown, {ticks: niceTicks(least, most), scale: linear(least, most, LEFT, WIDTH - RIGHT), text: rate},
                 {ticks: logTicks(low, high), scale: (value) => scale(Math.log10(Math.max(value, low))), text: us},
                 'latency by rate', true);
  }

  if (saved.campaign) drawCampaign(saved.campaign); else drawRun(saved.report || {});
  if (options()) section('Options', options());
  if (hosts()) section('Hosts', hosts());
})();
