package uk.ac.manchester.tornado.api.math;

/** Functions that kernels may call. */
public class TornadoMath {
    private TornadoMath() {}

    /** As {@link Math#exp}, in fp32. */
    public static float exp(float a) {
        return (float) Math.exp(a);
    }

    /** As {@link Math#sqrt}, in fp32. */
    public static float sqrt(float a) {
        return (float) Math.sqrt(a);
    }

    /** As {@link Math#abs}, in fp32. */
    public static float abs(float a) {
        return Math.abs(a);
    }

    /** As {@link Math#sin}, in fp32. */
    public static float sin(float a) {
        return (float) Math.sin(a);
    }

    /** As {@link Math#cos}, in fp32. */
    public static float cos(float a) {
        return (float) Math.cos(a);
    }

    /** As {@link Math#tanh}, in fp32. */
    public static float tanh(float a) {
        return (float) Math.tanh(a);
    }

    /** As {@link Math#floor}, in fp32. */
    public static float floor(float a) {
        return (float) Math.floor(a);
    }

    /** As {@link Math#log}, in fp32. */
    public static float log(float a) {
        return (float) Math.log(a);
    }

    /** As {@link Math#ceil}, in fp32. */
    public static float ceil(float a) {
        return (float) Math.ceil(a);
    }

    /** As {@link Math#max}. */
    public static float max(float a, float b) {
        return Math.max(a, b);
    }

    /** As {@link Math#max}. */
    public static int max(int a, int b) {
        return Math.max(a, b);
    }

    /** As {@link Math#min}. */
    public static float min(float a, float b) {
        return Math.min(a, b);
    }

    /** As {@link Math#min}. */
    public static int min(int a, int b) {
        return Math.min(a, b);
    }
}
