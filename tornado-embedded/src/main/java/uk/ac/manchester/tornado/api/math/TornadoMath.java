package uk.ac.manchester.tornado.api.math;

/**
 * Functions that kernels may call. Those in fp32 round the fp64 function's result; a GPU's are a few units in the last
 * place off that.
 */
public class TornadoMath {

    /** As {@link Math#min}. */
    public static float min(float a, float b) {
        return Math.min(a, b);
    }

    /** As {@link Math#min}. */
    public static double min(double a, double b) {
        return Math.min(a, b);
    }

    /** As {@link Math#min}. */
    public static int min(int a, int b) {
        return Math.min(a, b);
    }

    /** As {@link Math#min}. */
    public static long min(long a, long b) {
        return Math.min(a, b);
    }

    /** As {@link Math#max}. */
    public static float max(float a, float b) {
        return Math.max(a, b);
    }

    /** As {@link Math#max}. */
    public static double max(double a, double b) {
        return Math.max(a, b);
    }

    /** As {@link Math#max}. */
    public static int max(int a, int b) {
        return Math.max(a, b);
    }

    /** As {@link Math#max}. */
    public static long max(long a, long b) {
        return Math.max(a, b);
    }

    /** As {@link Math#abs}. */
    public static float abs(float a) {
        return Math.abs(a);
    }

    /** As {@link Math#abs}. */
    public static double abs(double a) {
        return Math.abs(a);
    }

    /** As {@link Math#abs}. */
    public static int abs(int a) {
        return Math.abs(a);
    }

    /** As {@link Math#abs}. */
    public static long abs(long a) {
        return Math.abs(a);
    }

    /** The value nearest to {@code val} that is not below {@code min} nor above {@code max}. */
    public static float clamp(float val, float min, float max) {
        return Math.max(min, Math.min(max, val));
    }

    /** The value nearest to {@code val} that is not below {@code min} nor above {@code max}. */
    public static double clamp(double val, double min, double max) {
        return Math.max(min, Math.min(max, val));
    }

    /** The value nearest to {@code val} that is not below {@code min} nor above {@code max}. */
    public static int clamp(int val, int min, int max) {
        return Math.max(min, Math.min(max, val));
    }

    /** The value nearest to {@code val} that is not below {@code min} nor above {@code max}. */
    public static long clamp(long val, long min, long max) {
        return Math.max(min, Math.min(max, val));
    }

    /** As {@link Math#exp}. */
    public static float exp(float value) {
        return (float) Math.exp(value);
    }

    /** As {@link Math#exp}. */
    public static double exp(double value) {
        return Math.exp(value);
    }

    /** As {@link Math#log}. */
    public static float log(float value) {
        return (float) Math.log(value);
    }

    /** As {@link Math#log}. */
    public static double log(double value) {
        return Math.log(value);
    }

    /** As {@link Math#sqrt}. */
    public static float sqrt(float value) {
        return (float) Math.sqrt(value);
    }

    /** As {@link Math#sqrt}. */
    public static double sqrt(double value) {
        return Math.sqrt(value);
    }

    /** As {@link Math#sin}. */
    public static float sin(float value) {
        return (float) Math.sin(value);
    }

    /** As {@link Math#sin}. */
    public static double sin(double value) {
        return Math.sin(value);
    }

    /** As {@link Math#cos}. */
    public static float cos(float value) {
        return (float) Math.cos(value);
    }

    /** As {@link Math#cos}. */
    public static double cos(double value) {
        return Math.cos(value);
    }

    /** As {@link Math#tan}. */
    public static float tan(float value) {
        return (float) Math.tan(value);
    }

    /** As {@link Math#tan}. */
    public static double tan(double value) {
        return Math.tan(value);
    }

    /** As {@link Math#asin}. */
    public static float asin(float value) {
        return (float) Math.asin(value);
    }

    /** As {@link Math#asin}. */
    public static double asin(double value) {
        return Math.asin(value);
    }

    /** As {@link Math#acos}. */
    public static float acos(float value) {
        return (float) Math.acos(value);
    }

    /** As {@link Math#acos}. */
    public static double acos(double value) {
        return Math.acos(value);
    }

    /** As {@link Math#atan}. */
    public static float atan(float value) {
        return (float) Math.atan(value);
    }

    /** As {@link Math#atan}. */
    public static double atan(double value) {
        return Math.atan(value);
    }

    /** As {@link Math#tanh}. */
    public static float tanh(float value) {
        return (float) Math.tanh(value);
    }

    /** As {@link Math#tanh}. */
    public static double tanh(double value) {
        return Math.tanh(value);
    }

    /** As {@link Math#floor}. */
    public static float floor(float value) {
        return (float) Math.floor(value);
    }

    /** As {@link Math#floor}. */
    public static double floor(double value) {
        return Math.floor(value);
    }

    /** As {@link Math#ceil}. */
    public static float ceil(float value) {
        return (float) Math.ceil(value);
    }

    /** As {@link Math#ceil}. */
    public static double ceil(double value) {
        return Math.ceil(value);
    }

    /** As {@link Math#signum}. */
    public static float signum(float a) {
        return Math.signum(a);
    }

    /** As {@link Math#signum}. */
    public static double signum(double a) {
        return Math.signum(a);
    }

    /** As {@link Math#pow}. */
    public static float pow(float a, float b) {
        return (float) Math.pow(a, b);
    }

    /** As {@link Math#pow}. */
    public static double pow(double a, double b) {
        return Math.pow(a, b);
    }

    /** As {@link Math#atan2}. */
    public static float atan2(float a, float b) {
        return (float) Math.atan2(a, b);
    }

    /** As {@link Math#atan2}. */
    public static double atan2(double a, double b) {
        return Math.atan2(a, b);
    }

    /** Logarithm to base 2: a quotient of two logarithms, so powers of two may come out a little off. */
    public static float log2(float value) {
        return log(value) / log(2f);
    }

    /** Logarithm to base 2: a quotient of two logarithms, so powers of two may come out a little off. */
    public static double log2(double value) {
        return Math.log(value) / Math.log(2);
    }

    /** The value less its {@link #floor}: not negative. */
    public static float fract(float value) {
        return value - floor(value);
    }

    /** The value less its {@link #floor}: not negative. */
    public static double fract(double value) {
        return value - Math.floor(value);
    }

    /** π. */
    public static float floatPI() {
        return (float) Math.PI;
    }

    /** π. */
    public static double PI() {
        return Math.PI;
    }
}
