package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What every complaint about input has in common. */
final class Complaints {
    private Complaints() {}

    /** One line, a ModelException, that mentions all of these. */
    static void assertComplains(ThrowingCallable what, String... mentioned) {
        assertThatThrownBy(what)
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(mentioned)
                .hasMessageMatching("[^\\p{Cntrl}]{1,480}");
    }
}
