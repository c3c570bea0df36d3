// Stands between ChatTemplate and jinja.js, and bounds what a template can make: whatever goes on inside one native
// function, where the clock is not looked at, is bounded here. MOST is the length of the longest text or list.
var depth = 0;
var total = 0;
function limited(prototype, name, length) {
  var original = prototype[name];
  Object.defineProperty(prototype, name, {
    value: function () {
      bounded(length.apply(this, arguments));
      return original.apply(this, arguments);
    }
  });
}
function bounded(length) {
  if (!(length <= MOST)) {
    throw new Error('a text or list has more than ' + MOST + ' elements');
  }
}
limited(String.prototype, 'repeat', function (times) { return this.length * times; });
['replace', 'replaceAll'].forEach(function (name) {
  var original = String.prototype[name];
  Object.defineProperty(String.prototype, name, {
    value: function (what, by) {
      var text = String(this);
      var length = text.length;
      if (typeof by !== 'function') {
        bounded(length * (by.length + 1) / 16);
        return original.call(text, what, by);
      }
      return original.call(text, what, function () {
        var put = by.apply(undefined, arguments);
        bounded(length += put.length);
        return put;
      });
    }
  });
});
limited(Array.prototype, 'push', function () { return (total += 1024) / 16; });
limited(Array.prototype, 'join', function (separator) {
  var length = this.length * String(separator).length;
  for (var i = 0; i < this.length; i++) {
    length += typeof this[i] === 'string' ? this[i].length : 1;
  }
  return length;
});

var evaluate = module.exports.Interpreter.prototype.evaluate;
module.exports.Interpreter.prototype.evaluate = function (node, environment) {
  if (++depth > 200) {
    throw new Error('it is nested more than 200 deep');
  }
  var result = evaluate.call(this, node, environment);
  depth--;
  if (typeof result.value === 'string' || Array.isArray(result.value)) {
    bounded(result.value.length);
    bounded((total += result.value.length) / 16);
  }
  return result;
};

function parsed(source) {
  total = 0;
  return new module.exports.Template(source);
}

// The library's own strftime_now needs Intl, and leaves what it does not know in the text as it is.
var date;
var set = module.exports.Environment.prototype.set;
module.exports.Environment.prototype.set = function (name, value) {
  return set.call(this, name, name !== 'strftime_now' ? value : function (format) {
    return format.replace(/%(.?)/g, function (all, part) {
      if (!(part in date)) {
        throw new Error('strftime_now: %' + part + ' is not supported');
      }
      return date[part];
    });
  });
};

function render(template, variables, now) {
  depth = 0;
  total = 0;
  date = JSON.parse(now);
  return template.render(JSON.parse(variables));
}
