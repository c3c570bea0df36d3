package io.maseparation.parallel.present.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** How much room text takes, estimated: nothing measures a font here. */
final class Words {
    private static final double WIDTH_OF_SIZE = 0.56;

    private Words() {}

    static double width(String text, double size) {
        return text.codePointCount(0, text.length()) * size * WIDTH_OF_SIZE;
    }

    /** The width of the widest of some texts; 0 where there is none. */
    static double widest(Stream<String> texts, double size) {
        return texts.mapToDouble(text -> width(text, size)).max().orElse(0);
    }

    /** Lines of at most a width; a longer word has its own line. */
    static List<String> wrap(String text, double width, double size) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.strip().split("\\s+", -1)) {
            if (!line.isEmpty() && width(line + " " + word, size) > width) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        if (!line.isEmpty()) {
            lines.add(line.toString());
        }
        return lines;
    }

    /** The text, cut with an ellipsis where it is wider than there is room. */
    static String fitting(String text, double width, double size) {
        if (width(text, size) <= width) {
            return text;
        }
        int most = (int) (width / (size * WIDTH_OF_SIZE)) - 1;
        return most < 1 ? "" : text.substring(0, text.offsetByCodePoints(0, most)).strip() + "…";
    }
}
