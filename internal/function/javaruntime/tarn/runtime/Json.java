package tarn.runtime;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON (RFC 8259) as Java's own types: Map, List, String, Integer, Long, BigInteger, Double, Boolean and null. The
 * platform gives valid documents; errors are IllegalArgumentException with the position.
 */
final class Json {
    private static final int MAX_DEPTH = 1000;
    private final String s;
    private int at;

    private Json(String s) {
        this.s = s;
    }

    static Object parse(String text) {
        Json p = new Json(text);
        Object v = p.value(0);
        p.space();
        if (p.at != text.length()) {
            throw p.wrong("something follows the document");
        }
        return v;
    }

    private IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException(what + " at character " + at);
    }

    private void space() {
        while (at < s.length() && " \t\r\n".indexOf(s.charAt(at)) >= 0) {
            at++;
        }
    }

    private boolean take(char c) {
        space();
        if (at < s.length() && s.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    private void need(char c) {
        if (!take(c)) {
            throw wrong("'" + c + "' is missing");
        }
    }

    private Object value(int depth) {
        if (depth > MAX_DEPTH) {
            throw wrong("more than " + MAX_DEPTH + " levels");
        }
        space();
        if (at == s.length()) {
            throw wrong("a value is missing");
        }
        switch (s.charAt(at)) {
            case '{': return object(depth);
            case '[': return array(depth);
            case '"': return string();
            case 't': return word("true", true);
            case 'f': return word("false", false);
            case 'n': return word("null", null);
            default: return number();
        }
    }

    private Object word(String w, Object v) {
        if (!s.startsWith(w, at)) {
            throw wrong("unknown word");
        }
        at += w.length();
        return v;
    }

    private Map<String, Object> object(int depth) {
        Map<String, Object> m = new LinkedHashMap<>();
        need('{');
        if (take('}')) {
            return m;
        }
        do {
            space();
            String name = string();
            need(':');
            m.put(name, value(depth + 1));
        } while (take(','));
        need('}');
        return m;
    }

    private List<Object> array(int depth) {
        List<Object> list = new ArrayList<>();
        need('[');
        if (take(']')) {
            return list;
        }
        do {
            list.add(value(depth + 1));
        } while (take(','));
        need(']');
        return list;
    }

    private String string() {
        need('"');
        int from = at;
        while (at < s.length() && s.charAt(at) != '"' && s.charAt(at) != '\\') {
            at++;
        }
        if (at < s.length() && s.charAt(at) == '"') {
            return s.substring(from, at++);
        }
        StringBuilder b = new StringBuilder(s.substring(from, at));
        while (at < s.length()) {
            char c = s.charAt(at++);
            if (c == '"') {
                return b.toString();
            }
            b.append(c == '\\' ? escape() : c);
        }
        throw wrong("a string does not end");
    }

    private char escape() {
        char c = at < s.length() ? s.charAt(at++) : 0;
        switch (c) {
            case '"': case '\\': case '/': return c;
            case 'b': return '\b';
            case 'f': return '\f';
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'u':
                if (at + 4 <= s.length()) {
                    at += 4;
                    return (char) Integer.parseInt(s.substring(at - 4, at), 16);
                }
                throw wrong("an escape does not end");
            default: throw wrong("unknown escape");
        }
    }

    private Number number() {
        int from = at;
        boolean whole = true;
        for (; at < s.length() && "+-.eE0123456789".indexOf(s.charAt(at)) >= 0; at++) {
            whole &= ".eE".indexOf(s.charAt(at)) < 0;
        }
        String text = s.substring(from, at);
        try {
            if (!whole) {
                return Double.valueOf(text);
            }
            if (text.length() > 18) {
                BigInteger big = new BigInteger(text);
                return big.bitLength() < 64 ? (Number) big.longValue() : big;
            }
            long n = Long.parseLong(text);
            return n == (int) n ? (Number) (int) n : n;
        } catch (NumberFormatException e) {
            at = from;
            throw wrong("not a value");
        }
    }

    /** Writes a value: those that parse gives, arrays, beans by their getters, and what Binder.plain makes of others. */
    static String write(Object v) {
        StringBuilder b = new StringBuilder();
        write(b, v, 0);
        return b.toString();
    }

    private static void write(StringBuilder b, Object v, int depth) {
        if (depth > MAX_DEPTH) {
            throw new IllegalArgumentException("more than " + MAX_DEPTH + " levels: the value holds itself");
        }
        v = v == null ? null : Binder.plain(v);
        if (v == null || v instanceof Boolean) {
            b.append(v);
        } else if (v instanceof Double && !Double.isFinite((Double) v) || v instanceof Float && !Float.isFinite((Float) v)) {
            quote(b, v.toString());
        } else if (v instanceof BigDecimal) {
            b.append(((BigDecimal) v).toString());
        } else if (v instanceof Number) {
            b.append(v);
        } else if (v instanceof CharSequence) {
            quote(b, v.toString());
        } else if (v instanceof Map) {
            b.append('{');
            String sep = "";
            for (Map.Entry<?, ?> e : ((Map<?, ?>) v).entrySet()) {
                b.append(sep);
                quote(b, String.valueOf(e.getKey()));
                b.append(':');
                write(b, e.getValue(), depth + 1);
                sep = ",";
            }
            b.append('}');
        } else {
            b.append('[');
            String sep = "";
            for (Object e : (Iterable<?>) v) {
                b.append(sep);
                write(b, e, depth + 1);
                sep = ",";
            }
            b.append(']');
        }
    }

    private static void quote(StringBuilder b, String s) {
        b.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '"': b.append("\\\""); break;
                case '\\': b.append("\\\\"); break;
                case '\n': b.append("\\n"); break;
                case '\r': b.append("\\r"); break;
                case '\t': b.append("\\t"); break;
                default:
                    boolean lone = Character.isSurrogate(c) && !(Character.isHighSurrogate(c) ? i + 1 < s.length() && Character.isLowSurrogate(s.charAt(i + 1))
                        : i > 0 && Character.isHighSurrogate(s.charAt(i - 1)));
                    if (c < ' ' || lone) {
                        b.append(String.format("\\u%04x", (int) c));
                    } else {
                        b.append(c);
                    }
            }
        }
        b.append('"');
    }
}
