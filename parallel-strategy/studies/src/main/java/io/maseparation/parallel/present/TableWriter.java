package io.maseparation.parallel.present;

import io.maseparation.files.Json;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Writes tables as text. */
public final class TableWriter {
    private static final int LEAST_COLUMNS = 40;

    /** Columns of text are not made narrower than this. */
    private static final int NARROW = 12;

    private TableWriter() {}

    /**
     * The table in a format.
     *
     * @return lines, each ended by a line feed
     */
    public static String write(Table table, OutputFormat format) {
        return switch (format) {
            case TABLE -> aligned(table, columns());
            case JSON -> Json.write(table.objects());
            case CSV -> csv(table);
            case MD -> markdown(table);
        };
    }

    /** {@return columns of the terminal that results go to, as the launcher says; 0 where they go elsewhere} */
    public static int columns() {
        int columns = Integer.getInteger("ma.columns", 0);
        return columns <= 0 ? 0 : Math.max(LEAST_COLUMNS, columns);
    }

    /**
     * The table in columns; text is broken where the table is wider than the terminal, and where numbers alone are, the
     * columns are in several parts below each other, the first in each.
     *
     * @param most columns of the terminal; 0 for any number
     */
    static String aligned(Table table, int most) {
        List<List<String>> cells = cells(table);
        int[] widths = widths(cells);
        int n = widths.length;
        int over = most == 0 ? 0 : IntStream.of(widths).sum() + 2 * (n - 1) - most;
        while (over > 0) {
            int widest = IntStream.range(0, n)
                    .filter(i -> table.columns().get(i).left() && widths[i] > NARROW)
                    .boxed()
                    .max(Comparator.comparingInt(i -> widths[i]))
                    .orElse(-1);
            if (widest < 0) {
                break;
            }
            int less = Math.min(over, widths[widest] - NARROW);
            widths[widest] -= less;
            over -= less;
        }
        StringBuilder text = new StringBuilder();
        for (int from = 0; from < n;) {
            List<Integer> part = new ArrayList<>(from == 0 ? List.of() : List.of(0));
            int room = most - (from == 0 ? 0 : widths[0] + 2);
            int first = from;
            for (; from < n && (most == 0 || from == first || widths[from] <= room); from++) {
                part.add(from);
                room -= widths[from] + 2;
            }
            text.append(first == 0 ? "" : "\n");
            cells.forEach(row -> lines(text, table, row, widths, part));
        }
        return text.toString();
    }

    /** Some cells of a row, each in as many lines as its width asks for. */
    private static void lines(StringBuilder text, Table table, List<String> row, int[] widths, List<Integer> part) {
        List<List<String>> broken = part.stream().map(i -> broken(row.get(i), widths[i])).toList();
        int lines = broken.stream().mapToInt(List::size).max().orElse(0);
        for (int l = 0; l < lines; l++) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < part.size(); i++) {
                String piece = l < broken.get(i).size() ? broken.get(i).get(l) : "";
                line.append(i == 0 ? "" : "  ")
                        .append(padded(piece, widths[part.get(i)], table.columns().get(part.get(i)).left()));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
    }

    /** Lines of at most so many characters, broken at spaces where there are some. */
    private static List<String> broken(String text, int width) {
        List<String> lines = new ArrayList<>();
        String rest = text;
        while (rest.codePointCount(0, rest.length()) > width) {
            int most = rest.offsetByCodePoints(0, width);
            int space = rest.lastIndexOf(' ', most);
            lines.add(rest.substring(0, space > 0 ? space : most));
            rest = rest.substring(space > 0 ? space + 1 : most);
        }
        lines.add(rest);
        return lines;
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
