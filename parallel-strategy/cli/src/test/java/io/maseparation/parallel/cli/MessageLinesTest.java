package io.maseparation.parallel.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import org.junit.jupiter.api.Test;

class MessageLinesTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final System.Logger logger =
            new MessageLines.Lines("here", () -> new PrintStream(bytes, true, UTF_8));

    @Test
    void aMessageIsOneLineThatBeginsAsFailuresDo() {
        logger.log(System.Logger.Level.WARNING, "a {0}\nb");
        logger.log(System.Logger.Level.INFO, "of {0}", 3);
        logger.log(System.Logger.Level.ERROR, "lost", new IllegalStateException("why\nnot"));
        logger.log(System.Logger.Level.DEBUG, "unseen");
        assertThat(bytes.toString(UTF_8).lines()).containsExactly(
                "ma: warning: a {0} b",
                "ma: of 3",
                "ma: warning: lost: java.lang.IllegalStateException: why not");
    }

    @Test
    void theCommandLineHasIt() {
        assertThat(System.LoggerFinder.getLoggerFinder()).isInstanceOf(MessageLines.class);
    }
}
