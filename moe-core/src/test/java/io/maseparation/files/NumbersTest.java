package io.maseparation.files;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NumbersTest {
    @ParameterizedTest
    @ValueSource(strings = {"", " ", "1 ", " 1", "1f", "1d", "1F", "1D", "0x1p3", "0x10", "NaN", "Infinity",
        "-Infinity",
        "１", "٣", "1_000", "1,5", "+-1", "--1", "+", ".", "1e", "1e1.5", "1e999", "-1e999", "1L", "1\n", "inf", "∞"})
    void whatOnlyJavaOrNobodyTakesForANumberIsNone(String text) {
        assertThat(Numbers.finite(text)).isEmpty();
        assertThat(Numbers.whole(text)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "007, 7", "+3, 3", "-9223372036854775808, -9223372036854775808"})
    void wholeNumbers(String text, long value) {
        assertThat(Numbers.whole(text)).hasValue(value);
        assertThat(Numbers.finite(text)).hasValue((double) value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"9223372036854775808", "1.0", "1e3", ".5"})
    void notEveryNumberIsWhole(String text) {
        assertThat(Numbers.whole(text)).isEmpty();
        assertThat(Numbers.finite(text)).hasValue(Double.parseDouble(text));
    }

    @ParameterizedTest
    @CsvSource({"1., 1", ".25, 0.25", "-1.5e-3, -0.0015", "+2E+2, 200", "1e-999, 0"})
    void numbers(String text, double value) {
        assertThat(Numbers.finite(text)).hasValue(value);
    }
}
