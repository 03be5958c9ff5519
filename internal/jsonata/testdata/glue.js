// Glue between the library and its host. host_* are functions of the Go side.
var window = {btoa: host_btoa, atob: host_atob};
var exprs = new Map();
var seqMark = {value: true, enumerable: false, writable: true};

// compile returns the compiled expression. Plain JSONata has $eval and none of the functions that Step Functions adds.
function compile(src, plain) {
  var key = (plain ? 'p' : 's') + src, e = exprs.get(key);
  if (e) return e;
  e = lib(src);
  if (exprs.size >= 512) exprs.delete(exprs.keys().next().value);
  exprs.set(key, e);
  if (plain) return e;
  e.registerFunction('partition', function (list, n) {
    if (list === undefined) return undefined;
    if (!(n > 0)) throw {code: 'D3137', message: 'The second argument of $partition must be a positive integer'};
    var out = [];
    for (var i = 0; i < list.length; i += n) out.push(list.slice(i, i + n));
    return out;
  }, '<an:a>');
  e.registerFunction('range', function (from, to, step) {
    if (step === 0) throw {code: 'D3137', message: 'The step of $range must not be 0'};
    var n = Math.floor((to - from) / step) + 1;
    if (n > 1000) throw {code: 'D3137', message: '$range may return at most 1000 items'};
    var out = [];
    for (var i = 0; i < n; i++) out.push(from + i * step);
    return Object.defineProperty(out, 'sequence', seqMark);
  }, '<nnn:a>');
  e.registerFunction('parse', function (s) {
    if (s === undefined) return undefined;
    try { return JSON.parse(s); } catch (x) { throw {code: 'D3137', message: 'Argument of $parse is not valid JSON'}; }
  }, '<s:x>');
  e.registerFunction('hash', function (data, alg) {
    return host_hash(typeof data === 'string' ? data : JSON.stringify(data), alg);
  }, '<xs:s>');
  e.registerFunction('random', function (seed) { return host_random(seed); }, '<n?:n>');
  e.registerFunction('uuid', function () { return host_uuid(); }, '<:s>');
  e.assign('eval', undefined);
  return e;
}

// variables lists the free variables of an expression as JSON.
function variables(src) {
  var found = [];
  function walk(n, bound) {
    if (!n || typeof n !== 'object') return;
    if (Array.isArray(n)) {
      n.forEach(function (x) { walk(x, bound); });
      return;
    }
    if (n.type === 'variable' && n.value !== '' && n.value !== '$') {
      if (!bound.has(n.value) && found.indexOf(n.value) < 0) found.push(n.value);
    } else if (n.type === 'lambda') {
      bound = new Set(bound);
      (n.arguments || []).forEach(function (a) { bound.add(a.value); });
    } else if (n.type === 'block') {
      bound = new Set(bound);
    } else if (n.type === 'bind') {
      if (n.rhs && n.rhs.type === 'lambda' && n.lhs) bound.add(n.lhs.value);
      walk(n.rhs, bound);
      if (n.lhs) bound.add(n.lhs.value);
      return;
    }
    for (var k in n) if (k !== 'type' && k !== 'value' && typeof n[k] === 'object') walk(n[k], bound);
    if (Array.isArray(n.value)) walk(n.value, bound);
  }
  walk(compile(src).ast(), new Set());
  return JSON.stringify(found);
}

function run(src, plain, input, names, values) {
  var e = compile(src, plain), bindings = {};
  for (var i = 0; i < names.length; i++) bindings[names[i]] = JSON.parse(values[i]);
  var r = e.evaluate(input === '' ? undefined : JSON.parse(input), bindings);
  if (r === undefined) return undefined;
  if (typeof r === 'function' || r && (r._jsonata_lambda || r._jsonata_function)) return null;
  var s = JSON.stringify(r);
  return s === undefined ? null : s;
}
