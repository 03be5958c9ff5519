package tarn.runtime;

import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Makes Java objects of JSON values and back. Beans are bound by setters, else by fields, whose names may differ in case and hyphens,
 * as they do in AWS's event classes; unknown members are left out, null members are not written.
 */
final class Binder {
    private Binder() {}

    /** Makes v a t. Errors are IllegalArgumentException. */
    static Object bind(Object v, Type t) {
        if (t instanceof WildcardType) {
            return bind(v, ((WildcardType) t).getUpperBounds()[0]);
        }
        if (t instanceof TypeVariable) {
            return bind(v, ((TypeVariable<?>) t).getBounds()[0]);
        }
        if (t instanceof GenericArrayType) {
            return array(v, ((GenericArrayType) t).getGenericComponentType());
        }
        if (t instanceof ParameterizedType) {
            ParameterizedType p = (ParameterizedType) t;
            return bindClass(v, (Class<?>) p.getRawType(), p.getActualTypeArguments());
        }
        Class<?> c = (Class<?>) t;
        return c.isArray() && c != byte[].class ? array(v, c.getComponentType()) : bindClass(v, c, new Type[0]);
    }

    private static Object bindClass(Object v, Class<?> c, Type[] args) {
        if (c == Optional.class) {
            return Optional.ofNullable(v == null ? null : bind(v, args.length == 1 ? args[0] : Object.class));
        }
        if (v == null) {
            return !c.isPrimitive() ? null : c == boolean.class ? (Object) false : c == char.class ? (Object) (char) 0 : number(0, c);
        }
        if (c == Object.class || c == Void.class) {
            return c == Void.class ? null : v;
        }
        if (c == String.class || c == CharSequence.class) {
            if (v instanceof Map || v instanceof List) {
                throw mismatch(v, c);
            }
            return v.toString();
        }
        if (c == boolean.class || c == Boolean.class) {
            return v instanceof Boolean ? v : Boolean.valueOf(text(v, c).trim());
        }
        if (c == char.class || c == Character.class) {
            String s = text(v, c);
            if (s.length() != 1) {
                throw mismatch(v, c);
            }
            return s.charAt(0);
        }
        if (c.isPrimitive() || Number.class.isAssignableFrom(c) && c.getName().startsWith("java.")) {
            return number(v, c);
        }
        if (c == byte[].class || c == ByteBuffer.class) {
            byte[] bytes = Base64.getDecoder().decode(text(v, c));
            return c == byte[].class ? bytes : ByteBuffer.wrap(bytes);
        }
        if (c.isEnum()) {
            for (Object e : c.getEnumConstants()) {
                if (((Enum<?>) e).name().equals(v)) {
                    return e;
                }
            }
            return null;
        }
        if (Map.class.isAssignableFrom(c) && v instanceof Map) {
            return map((Map<?, ?>) v, c, args);
        }
        if (c == Iterable.class || Collection.class.isAssignableFrom(c)) {
            return collection(v, c, args.length == 1 ? args[0] : Object.class);
        }
        if (v instanceof Map) {
            return bean((Map<?, ?>) v, c, args);
        }
        return scalar(v, c);
    }

    private static IllegalArgumentException mismatch(Object v, Class<?> c) {
        String what = v instanceof Map ? "an object" : v instanceof List ? "an array" : v instanceof String ? "a string" : v instanceof Boolean ? "a boolean" : "a number";
        return new IllegalArgumentException("Can not deserialize instance of " + c.getName() + " out of " + what);
    }

    private static String text(Object v, Class<?> c) {
        if (v instanceof Map || v instanceof List) {
            throw mismatch(v, c);
        }
        return v.toString();
    }

    /** Makes v the number class c, primitive or not. */
    static Object number(Object v, Class<?> c) {
        if (v instanceof String && ((String) v).trim().isEmpty()) {
            v = 0;
        }
        if (v instanceof Map || v instanceof List || v instanceof Boolean) {
            throw mismatch(v, c);
        }
        BigDecimal n;
        try {
            n = new BigDecimal(v.toString().trim());
        } catch (NumberFormatException e) {
            throw mismatch(v, c);
        }
        if (c == double.class || c == Double.class) {
            return n.doubleValue();
        }
        if (c == float.class || c == Float.class) {
            return n.floatValue();
        }
        if (c == BigDecimal.class) {
            return n;
        }
        if (c == Number.class) {
            return v instanceof Number ? v : n;
        }
        BigInteger whole = n.toBigInteger();
        if (c == BigInteger.class) {
            return whole;
        }
        int bits = c == long.class || c == Long.class ? 64 : c == int.class || c == Integer.class ? 32 : c == short.class || c == Short.class ? 16 : c == byte.class || c == Byte.class ? 8 : 0;
        if (c == char.class) {
            return (char) whole.intValue();
        }
        if (bits == 0) {
            return scalar(v, c);
        }
        if (whole.bitLength() >= bits) {
            throw new IllegalArgumentException("Numeric value (" + v + ") out of range of " + c.getSimpleName());
        }
        switch (bits) {
            case 64: return whole.longValue();
            case 32: return whole.intValue();
            case 16: return whole.shortValue();
            default: return whole.byteValue();
        }
    }

    private static Object array(Object v, Type of) {
        if (v == null) {
            return null;
        }
        List<?> list = v instanceof List ? (List<?>) v : Collections.singletonList(v);
        Object a = Array.newInstance(raw(of), list.size());
        for (int i = 0; i < list.size(); i++) {
            Array.set(a, i, bind(list.get(i), of));
        }
        return a;
    }

    static Class<?> raw(Type t) {
        if (t instanceof Class) {
            return (Class<?>) t;
        }
        if (t instanceof ParameterizedType) {
            return raw(((ParameterizedType) t).getRawType());
        }
        if (t instanceof TypeVariable) {
            return raw(((TypeVariable<?>) t).getBounds()[0]);
        }
        if (t instanceof WildcardType) {
            return raw(((WildcardType) t).getUpperBounds()[0]);
        }
        return Array.newInstance(raw(((GenericArrayType) t).getGenericComponentType()), 0).getClass();
    }

    @SuppressWarnings("unchecked")
    private static Object map(Map<?, ?> v, Class<?> c, Type[] args) {
        Type k = args.length == 2 ? args[0] : String.class, of = args.length == 2 ? args[1] : Object.class;
        Map<Object, Object> m;
        if (c.isAssignableFrom(LinkedHashMap.class)) {
            m = new LinkedHashMap<>();
        } else if (c.isAssignableFrom(TreeMap.class)) {
            m = new TreeMap<>();
        } else {
            m = (Map<Object, Object>) create(c);
        }
        for (Map.Entry<?, ?> e : v.entrySet()) {
            m.put(k == Object.class ? e.getKey() : bind(e.getKey(), k), bind(e.getValue(), of));
        }
        return m;
    }

    @SuppressWarnings("unchecked")
    private static Object collection(Object v, Class<?> c, Type of) {
        Collection<Object> all;
        if (c.isAssignableFrom(ArrayList.class)) {
            all = new ArrayList<>();
        } else if (c.isAssignableFrom(LinkedHashSet.class)) {
            all = new LinkedHashSet<>();
        } else {
            all = (Collection<Object>) create(c);
        }
        for (Object e : v instanceof List ? (List<?>) v : Collections.singletonList(v)) {
            all.add(bind(e, of));
        }
        return all;
    }

    /** Makes an object of a string or number: dates of any library, UUIDs, and what has a factory or constructor for it. */
    private static Object scalar(Object v, Class<?> c) {
        if (v instanceof List && ((List<?>) v).size() == 1) {
            return bind(((List<?>) v).get(0), c);
        }
        if (v instanceof List) {
            if (((List<?>) v).isEmpty()) {
                return null;
            }
            throw mismatch(v, c);
        }
        if (c == Date.class) {
            // AWS's events have seconds with a fraction where they have numbers of that kind, else milliseconds.
            return v instanceof Double ? new Date((long) ((Double) v * 1000)) : v instanceof Number ? new Date(((Number) v).longValue()) : Date.from(java.time.OffsetDateTime.parse(v.toString()).toInstant());
        }
        if (v instanceof String && ((String) v).isEmpty()) {
            return null;
        }
        if (c == UUID.class) {
            return UUID.fromString(v.toString());
        }
        for (String factory : new String[] {"parse", "valueOf", "of", "fromString"}) {
            for (Class<?> arg : new Class<?>[] {String.class, CharSequence.class}) {
                try {
                    Method m = c.getMethod(factory, arg);
                    if (Modifier.isStatic(m.getModifiers()) && c.isAssignableFrom(m.getReturnType())) {
                        return m.invoke(null, v.toString());
                    }
                } catch (ReflectiveOperationException e) {
                    // the next way, or the error at the end
                }
            }
        }
        try {
            return c.getConstructor(String.class).newInstance(v.toString());
        } catch (ReflectiveOperationException e) {
            throw mismatch(v, c);
        }
    }

    private static <T extends AccessibleObject> T open(T member) {
        member.setAccessible(true);
        return member;
    }

    /** Makes an empty object: by the constructor without arguments, else by the shortest one, with nothing for each argument. */
    private static Object create(Class<?> c) {
        if (c.isInterface() || Modifier.isAbstract(c.getModifiers())) {
            throw new IllegalArgumentException("Can not construct instance of " + c.getName() + ": abstract types need a concrete one");
        }
        Constructor<?>[] all = c.getDeclaredConstructors();
        Arrays.sort(all, new Comparator<Constructor<?>>() { // a lambda would cost a cold start 20 ms
            @Override
            public int compare(Constructor<?> x, Constructor<?> y) {
                return Integer.compare(x.getParameterCount(), y.getParameterCount());
            }
        });
        if (all.length == 0 || c.getEnclosingClass() != null && !Modifier.isStatic(c.getModifiers())) {
            throw new IllegalArgumentException("Can not construct instance of " + c.getName() + ": a non-static inner class");
        }
        Class<?>[] types = all[0].getParameterTypes();
        Object[] args = new Object[types.length];
        for (int i = 0; i < args.length; i++) {
            args[i] = bindClass(null, types[i], new Type[0]);
        }
        try {
            return open(all[0]).newInstance(args);
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException("Can not construct instance of " + c.getName() + ": " + (e.getCause() == null ? e : e.getCause()), e);
        }
    }

    private static Object bean(Map<?, ?> v, Class<?> c, Type[] args) {
        Shape shape = Shape.of(c);
        if (shape.record != null) {
            return shape.record(v);
        }
        Object o = create(c);
        Map<String, Type> variables = new HashMap<>();
        TypeVariable<?>[] names = c.getTypeParameters();
        for (int i = 0; i < Math.min(names.length, args.length); i++) {
            variables.put(names[i].getName(), args[i]);
        }
        for (Map.Entry<?, ?> e : v.entrySet()) {
            AccessibleObject to = shape.target((String) e.getKey());
            if (to == null) {
                continue;
            }
            try {
                if (to instanceof Method) {
                    Method m = (Method) to;
                    m.invoke(o, bind(e.getValue(), resolve(m.getGenericParameterTypes()[0], variables)));
                } else {
                    Field f = (Field) to;
                    f.set(o, bind(e.getValue(), resolve(f.getGenericType(), variables)));
                }
            } catch (IllegalArgumentException x) {
                throw new IllegalArgumentException(x.getMessage() + " (through reference chain: " + c.getName() + "[\"" + e.getKey() + "\"])", x);
            } catch (ReflectiveOperationException x) {
                throw new IllegalArgumentException("set " + c.getName() + "[\"" + e.getKey() + "\"]: " + (x.getCause() == null ? x : x.getCause()), x);
            }
        }
        return o;
    }

    private static Type resolve(Type t, Map<String, Type> variables) {
        Type known = t instanceof TypeVariable ? variables.get(((TypeVariable<?>) t).getName()) : null;
        return known == null ? t : known;
    }

    /** How a class is read and written: its setters, fields and getters, found once. */
    private static final class Shape {
        private static final Map<Class<?>, Shape> CACHE = new HashMap<>();
        private final Map<String, AccessibleObject> exact = new HashMap<>(), folded = new HashMap<>();
        final Map<String, Method> getters = new TreeMap<>();
        final Map<String, Field> fields = new LinkedHashMap<>();
        private Constructor<?> record;
        private List<String> components;

        static synchronized Shape of(Class<?> c) {
            Shape s = CACHE.get(c);
            if (s == null) {
                CACHE.put(c, s = new Shape(c));
            }
            return s;
        }

        private Shape(Class<?> c) {
            for (Method m : c.getMethods()) {
                String n = m.getName();
                if (Modifier.isStatic(m.getModifiers()) || m.isBridge() || m.getDeclaringClass() == Object.class) {
                    continue;
                }
                boolean get = n.startsWith("get") && n.length() > 3, is = n.startsWith("is") && n.length() > 2 && m.getReturnType() == boolean.class;
                if (m.getParameterCount() == 1 && n.startsWith("set") && n.length() > 3) {
                    setter(property(n.substring(3)), m);
                } else if (m.getParameterCount() == 0 && m.getReturnType() != void.class && (get || is)) {
                    getters.put(property(n.substring(is ? 2 : 3)), open(m));
                }
            }
            for (Class<?> k = c; k != null && k != Object.class; k = k.getSuperclass()) {
                for (Field f : k.getDeclaredFields()) {
                    if (Modifier.isStatic(f.getModifiers()) || Modifier.isTransient(f.getModifiers()) || f.isSynthetic()) {
                        continue;
                    }
                    if (k.getName().startsWith("java.")) {
                        continue;
                    }
                    open(f);
                    exact.putIfAbsent(f.getName(), f);
                    folded.putIfAbsent(fold(f.getName()), f);
                    if (Modifier.isPublic(f.getModifiers())) {
                        fields.put(f.getName(), f);
                    }
                }
            }
            if (c.getSuperclass() != null && c.getSuperclass().getName().equals("java.lang.Record")) {
                record(c);
            }
        }

        private void setter(String name, Method m) {
            AccessibleObject old = exact.get(name);
            Method getter = getters.get(name);
            if (old instanceof Method && getter != null && ((Method) old).getParameterTypes()[0] == getter.getReturnType()) {
                return;
            }
            exact.put(name, open(m));
            folded.put(fold(name), m);
        }

        /** Records are made by their constructor and read by accessors; they came with Java 16, so all is by reflection. */
        private void record(Class<?> c) {
            try {
                Object[] parts = (Object[]) Class.class.getMethod("getRecordComponents").invoke(c);
                Class<?>[] types = new Class<?>[parts.length];
                components = new ArrayList<>();
                for (int i = 0; i < parts.length; i++) {
                    Class<?> k = parts[i].getClass();
                    components.add((String) k.getMethod("getName").invoke(parts[i]));
                    types[i] = (Class<?>) k.getMethod("getType").invoke(parts[i]);
                    getters.put(components.get(i), open((Method) k.getMethod("getAccessor").invoke(parts[i])));
                }
                record = open(c.getDeclaredConstructor(types));
            } catch (ReflectiveOperationException e) {
                throw new IllegalArgumentException("read record " + c.getName() + ": " + e, e);
            }
        }

        Object record(Map<?, ?> v) {
            Type[] types = record.getGenericParameterTypes();
            Object[] args = new Object[types.length];
            for (int i = 0; i < args.length; i++) {
                args[i] = bind(v.get(components.get(i)), types[i]);
            }
            try {
                return record.newInstance(args);
            } catch (ReflectiveOperationException e) {
                throw new IllegalArgumentException("make " + record.getName() + ": " + (e.getCause() == null ? e : e.getCause()), e);
            }
        }

        AccessibleObject target(String name) {
            AccessibleObject a = exact.get(name);
            return a == null ? folded.get(fold(name)) : a;
        }

        /** AWS's event classes have detailType for detail-type, eventSourceArn for eventSourceARN. */
        private static String fold(String name) {
            return name.replace("-", "").replace("_", "").toLowerCase(Locale.ROOT);
        }

        /** getFooBar is fooBar, getURL is URL: the rule of the JavaBeans specification, section 8.8. */
        private static String property(String s) {
            if (s.length() > 1 && Character.isUpperCase(s.charAt(0)) && Character.isUpperCase(s.charAt(1))) {
                return s;
            }
            return Character.toLowerCase(s.charAt(0)) + s.substring(1);
        }
    }

    /** Makes of v what Json writes: null, Boolean, Number, CharSequence, Map or Iterable. */
    static Object plain(Object v) {
        if (v instanceof Optional) {
            v = ((Optional<?>) v).orElse(null);
        }
        if (v == null || v instanceof Boolean || v instanceof Number && v.getClass().getName().startsWith("java.") || v instanceof CharSequence || v instanceof Map) {
            return v;
        }
        if (v instanceof Iterable && !(v instanceof java.nio.file.Path)) {
            return v;
        }
        if (v instanceof Enum) {
            return ((Enum<?>) v).name();
        }
        if (v instanceof byte[]) {
            return Base64.getEncoder().encodeToString((byte[]) v);
        }
        if (v instanceof ByteBuffer) {
            ByteBuffer b = ((ByteBuffer) v).duplicate();
            byte[] bytes = new byte[b.remaining()];
            b.get(bytes);
            return Base64.getEncoder().encodeToString(bytes);
        }
        if (v instanceof char[]) {
            return new String((char[]) v);
        }
        if (v.getClass().isArray()) {
            List<Object> list = new ArrayList<>();
            for (int i = 0; i < Array.getLength(v); i++) {
                list.add(Array.get(v, i));
            }
            return list;
        }
        if (v instanceof Date) {
            return ((Date) v).getTime();
        }
        String name = v.getClass().getName();
        if (name.startsWith("java.") || name.startsWith("javax.") || name.startsWith("org.joda.time.") || name.startsWith("sun.")) {
            return v.toString();
        }
        return properties(v);
    }

    private static Map<String, Object> properties(Object v) {
        Shape shape = Shape.of(v.getClass());
        Map<String, Object> m = new LinkedHashMap<>();
        Set<String> done = shape.getters.keySet();
        try {
            for (Map.Entry<String, Method> e : shape.getters.entrySet()) {
                put(m, e.getKey(), e.getValue().invoke(v));
            }
            for (Map.Entry<String, Field> e : shape.fields.entrySet()) {
                if (!done.contains(e.getKey())) {
                    put(m, e.getKey(), e.getValue().get(v));
                }
            }
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException("read " + v.getClass().getName() + ": " + (e.getCause() == null ? e : e.getCause()), e);
        }
        return m;
    }

    private static void put(Map<String, Object> m, String name, Object v) {
        if (v != null) {
            m.put(name, v);
        }
    }
}
