package io.maseparation.parallel.present;

import io.maseparation.files.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Writes tables as text. */
public final class TableWriter {
    private TableWriter() {}

    /**
     * The table in a format.
     *
     * @return lines, each ended by a line feed
     */
    public static String write(Table table, OutputFormat format) {
        return switch (format) {
            case TABLE -> aligned(table);
            case JSON -> Json.write(table.objects());
            case CSV -> csv(table);
            case MD -> markdown(table);
        };
    }

    private static String aligned(Table table) {
        List<List<String>> cells = cells(table);
        int[] widths = widths(cells);
        StringBuilder text = new StringBuilder();
        for (List<String> row : cells) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                line.append(i == 0 ? "" : "  ")
                        .append(padded(row.get(i), widths[i], table.columns().get(i).left()));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    private static String markdown(Table table) {
        List<List<String>> cells = cells(table).stream()
                .map(row -> row.stream().map(c -> c.replace("|", "\\|").replace("\n", " ")).toList())
                .toList();
        int[] widths = widths(cells);
        StringBuilder text = new StringBuilder();
        for (int r = 0; r < cells.size(); r++) {
            text.append('|');
            for (int i = 0; i < widths.length; i++) {
                text.append(' ')
                        .append(padded(cells.get(r).get(i), widths[i], table.columns().get(i).left()))
                        .append(" |");
            }
            text.append('\n');
            if (r == 0) {
                text.append('|');
                for (int i = 0; i < widths.length; i++) {
                    boolean left = table.columns().get(i).left();
                    text.append(' ')
                            .append("-".repeat(widths[i] - (left ? 0 : 1)))
                            .append(left ? " |" : ": |");
                }
                text.append('\n');
            }
        }
        return text.toString();
    }

    private static String csv(Table table) {
        StringBuilder text = new StringBuilder();
        text.append(table.columns().stream().map(c -> quoted(c.key())).collect(Collectors.joining(","))).append('\n');
        for (List<Object> row : table.rows()) {
            text.append(row.stream().map(v -> quoted(plain(v))).collect(Collectors.joining(","))).append('\n');
        }
        return text.toString();
    }

    private static String plain(@Nullable Object value) {
        return switch (value) {
            case null -> "";
            case Double d -> Double.isFinite(d) ? String.valueOf(d) : "";
            case List<?> list -> list.stream().map(TableWriter::plain).collect(Collectors.joining(" "));
            default -> String.valueOf(value);
        };
    }

    private static String quoted(String field) {
        boolean needs = field.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return needs ? '"' + field.replace("\"", "\"\"") + '"' : field;
    }

    private static List<List<String>> cells(Table table) {
        List<List<String>> cells = new ArrayList<>();
        cells.add(table.columns().stream().map(Table.Column::heading).toList());
        for (List<Object> row : table.rows()) {
            List<String> line = new ArrayList<>();
            for (int i = 0; i < row.size(); i++) {
                line.add(table.columns().get(i).text(row.get(i)));
            }
            cells.add(line);
        }
        return cells;
    }

    private static int[] widths(List<List<String>> cells) {
        int[] widths = new int[cells.getFirst().size()];
        for (List<String> row : cells) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(Math.max(widths[i], 3), row.get(i).codePointCount(0, row.get(i).length()));
            }
        }
        return widths;
    }

    private static String padded(String text, int width, boolean left) {
        String space = " ".repeat(Math.max(0, width - text.codePointCount(0, text.length())));
        return left ? text + space : space + text;
    }
}
