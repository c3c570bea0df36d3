package io.maseparation.parallel.present.chart;

/**
 * Colours that people with any kind of colour vision can tell apart: Okabe and Ito, "Color Universal Design" (2008),
 * for categories; viridis (van der Walt and Smith, matplotlib, 2015) for amounts; blue over grey to vermillion for
 * amounts on two sides of a middle.
 */
final class Palette {
    private static final String[] CATEGORIES = {
        "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#F0E442"};
    private static final int[] VIRIDIS = {
        0x440154, 0x482878, 0x3E4A89, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6DCD59, 0xB4DE2C, 0xFDE725};
    private static final int[] TWO_SIDES = {0x0072B2, 0x7FB4D6, 0xEDEDED, 0xEBAE7F, 0xD55E00};
    private static final String[] DASHES = {"", "7 4", "2 4", "10 4 2 4"};

    private Palette() {}

    /** Number of colours before they repeat. */
    static int categories() {
        return CATEGORIES.length;
    }

    static String category(int index) {
        return CATEGORIES[index % CATEGORIES.length];
    }

    /** Colour of a line; yellow would be too pale. */
    static String line(int index) {
        return index % CATEGORIES.length == CATEGORIES.length - 1 ? "currentColor" : category(index);
    }

    /** Dash pattern of a line, so that lines differ in print too; empty for a solid one. */
    static String dash(int index) {
        return DASHES[index / CATEGORIES.length % DASHES.length];
    }

    /** Colour of an amount from 0 to 1. */
    static String amount(double share) {
        return between(VIRIDIS, share);
    }

    /** Colour of an amount from 0 to 1 whose middle means "the same". */
    static String twoSided(double share) {
        return between(TWO_SIDES, share);
    }

    private static String between(int[] stops, double share) {
        double at = Math.clamp(share, 0, 1) * (stops.length - 1);
        int low = Math.min((int) at, stops.length - 2);
        double part = at - low;
        int colour = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int a = (stops[low] >> shift) & 0xFF;
            int b = (stops[low + 1] >> shift) & 0xFF;
            colour |= (int) Math.round(a + part * (b - a)) << shift;
        }
        return "#%06X".formatted(colour);
    }

    /** Class of text on a fill: the one of black and white that contrasts more (WCAG 2.1 relative luminance). */
    static String ink(String fill) {
        int colour = Integer.parseInt(fill.substring(1), 16);
        double luminance = 0.2126 * linear(colour >> 16) + 0.7152 * linear(colour >> 8) + 0.0722 * linear(colour);
        return luminance > 0.179 ? "onlight" : "ondark";
    }

    private static double linear(int channel) {
        double value = (channel & 0xFF) / 255.0;
        return value <= 0.03928 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4);
    }
}
