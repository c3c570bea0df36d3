package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.operations.RowTransfer;
import java.util.List;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A device whose arrays do not come back has failed. */
class AnswersTest {
    private final FloatArray floats = DeviceArrays.floats(3);
    private final IntArray ints = DeviceArrays.ints(3);
    private final Answers answers = new Answers(List.of(floats, ints), List.of());

    @Test
    void allArraysHaveToComeBack() {
        answers.expect();
        floats.set(0, 0f);
        assertThatThrownBy(answers::check).isInstanceOf(ModelException.class).hasMessageContaining("no answer");
        ints.set(0, 0);
        assertThatCode(answers::check).doesNotThrowAnyException();
    }

    @Test
    void aComputedNaNIsAnAnswer() {
        answers.expect();
        floats.set(0, Float.NaN);
        ints.set(0, -1);
        assertThatCode(answers::check).doesNotThrowAnyException();
    }

    @Test
    void itIsExpectedAnewEachTime() {
        answers.expect();
        floats.set(0, 1f);
        ints.set(0, 1);
        answers.expect();
        assertThatThrownBy(answers::check).isInstanceOf(ModelException.class);
    }

    @Test
    void theRowsOfAStepHaveToComeBack() {
        IntArray step = DeviceArrays.ints(3);
        Answers rows = new Answers(List.of(), List.of(new RowTransfer(step, 1, floats)));
        rows.expect();
        assertThatCode(rows::check).as("a step of no rows").doesNotThrowAnyException();
        step.set(0, 1);
        step.set(1, 2);
        rows.expect();
        floats.set(0, 1f);
        assertThatThrownBy(rows::check).isInstanceOf(ModelException.class).hasMessageContaining("no answer");
        floats.set(1, 1f);
        assertThatCode(rows::check).doesNotThrowAnyException();
    }
}
