package io.maseparation.parallel.present;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Rows under named columns, from which every output format is written. Values are strings, whole numbers, doubles,
 * lists, or null; a double that is not finite counts as no value.
 *
 * @param columns the columns
 * @param rows one value per column in each
 */
public record Table(List<Column> columns, List<List<Object>> rows) {

    /**
     * A column.
     *
     * @param key name for machines: snake_case, with the unit
     * @param heading name for people
     * @param unit how values are written for people
     */
    public record Column(String key, String heading, Unit unit) {
        public boolean left() {
            return unit == Unit.PLAIN;
        }

        /** The value as people read it; the values of a list are joined by spaces. */
        public String text(@Nullable Object value) {
            return value instanceof List<?> list
                    ? list.stream().map(String::valueOf).collect(Collectors.joining(" "))
                    : unit.text(value);
        }
    }

    public Table {
        columns = List.copyOf(columns);
        // Unlike List.copyOf, a stream's list may hold nulls.
        rows = rows.stream().map(row -> row.stream().toList()).toList();
        for (List<Object> row : rows) {
            if (row.size() != columns.size()) {
                throw new IllegalArgumentException(
                        "row of " + row.size() + " values under " + columns.size() + " columns");
            }
        }
    }

    /** A builder of a table. */
    public static Builder builder() {
        return new Builder();
    }

    /** All columns but one. */
    public Table without(String key) {
        return select(columns.stream().map(Column::key).filter(k -> !k.equals(key)).toArray(String[]::new));
    }

    /** Some of the columns, in the order given. */
    public Table select(String... keys) {
        List<Integer> indices = new ArrayList<>();
        for (String key : keys) {
            int index = columns.stream().map(Column::key).toList().indexOf(key);
            if (index < 0) {
                throw new IllegalArgumentException("no column " + key);
            }
            indices.add(index);
        }
        return new Table(
                indices.stream().map(columns::get).toList(),
                rows.stream()
                        .map(row -> indices.stream().map(row::get).toList())
                        .toList());
    }

    /** One object per row, with a value by each column's key. */
    public List<Map<String, Object>> objects() {
        List<Map<String, Object>> objects = new ArrayList<>();
        for (List<Object> row : rows) {
            Map<String, Object> object = new LinkedHashMap<>();
            for (int i = 0; i < columns.size(); i++) {
                object.put(columns.get(i).key(), row.get(i));
            }
            objects.add(object);
        }
        return objects;
    }

    /**
     * A table with one row per value.
     *
     * @param columns filled from a value
     */
    @SafeVarargs
    @SuppressWarnings("varargs")
    public static <T> Table of(List<T> values, Filled<T>... columns) {
        return new Table(
                Arrays.stream(columns).map(Filled::column).toList(),
                values.stream()
                        .map(value -> Arrays.stream(columns)
                                .<Object>map(c -> c.value().apply(value))
                                .toList())
                        .toList());
    }

    /**
     * A column and the values in it.
     *
     * @param <T> type of the value that a row is made from
     */
    public record Filled<T>(Column column, Function<? super T, ?> value) {}

    /** A column that is filled from the value of its row. */
    public static <T> Filled<T> column(String key, String heading, Unit unit, Function<? super T, ?> value) {
        return new Filled<>(new Column(key, heading, unit), value);
    }

    /** Takes the columns first, then the rows. */
    public static final class Builder {
        private final List<Column> columns = new ArrayList<>();
        private final List<List<Object>> rows = new ArrayList<>();

        private Builder() {}

        /** Adds a column. */
        public Builder column(String key, String heading, Unit unit) {
            columns.add(new Column(key, heading, unit));
            return this;
        }

        /** Adds a row. */
        public Builder row(@Nullable Object... values) {
            rows.add(Arrays.asList(values));
            return this;
        }

        /** Number of columns so far. */
        public int width() {
            return columns.size();
        }

        /** The table. */
        public Table build() {
            return new Table(columns, rows);
        }
    }
}
