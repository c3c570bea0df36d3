package io.maseparation.moe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.files.Text;
import io.maseparation.moe.testing.SafetensorsWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Text that comes token by token is the text of all tokens, whatever the tokenizer. */
class TextStreamTest {
    @TempDir
    Path temp;

    /** Pieces of text in many scripts, and what is between and within them. */
    private static final List<String> PIECES = List.of(
            "a", "b", "ab", "the", "er", "é", "ß", "€", "語", "🙂", "👩‍👩‍👧", "\n", "\u0301", "\uFFFD", "--", "'s",
            ".");

    private record Tried(Tokenizer tokenizer, int vocabulary) {}

    private static String json(String s) {
        return '"' + s.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }

    private Tried tokenizer(String name, String kind, List<String> pieces, String decoder) {
        String vocabulary = IntStream.range(0, pieces.size())
                .mapToObj(i -> kind.equals("Unigram")
                        ? "[%s, -%d.5]".formatted(json(pieces.get(i)), i)
                        : json(pieces.get(i)) + ": " + i)
                .collect(Collectors.joining(", "));
        String model = switch (kind) {
            case "Unigram" -> "{\"type\": \"Unigram\", \"unk_id\": 0, \"byte_fallback\": true, \"vocab\": [%s]}";
            case "BPE" -> "{\"type\": \"BPE\", \"vocab\": {%s}, \"merges\": []}";
            case "WordPiece" -> "{\"type\": \"WordPiece\", \"unk_token\": \"a\", \"continuing_subword_prefix\": \"##\","
                    + " \"max_input_chars_per_word\": 100, \"vocab\": {%s}}";
            default -> "{\"type\": \"WordLevel\", \"unk_token\": \"a\", \"vocab\": {%s}}";
        };
        Path folder = temp.resolve(name);
        SafetensorsWriter.text(folder.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [
                  {"id": %d, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true}], "normalizer": null,
                 "pre_tokenizer": null, "post_processor": null, "decoder": %s, "model": %s}"""
                .formatted(pieces.size(), decoder, model.formatted(vocabulary)));
        return new Tried(Tokenizer.lazily(folder.resolve("tokenizer.json")), pieces.size() + 1);
    }

    /** The characters that byte-level tokenizers write bytes with. */
    private static List<String> byteLevel() {
        List<String> letters = new ArrayList<>();
        int others = 256;
        for (int b = 0; b < 256; b++) {
            boolean itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
            letters.add(Character.toString(itself ? b : others));
            others += itself ? 0 : 1;
        }
        List<String> pieces = new ArrayList<>(letters);
        for (String text : List.of("the", " the", "€", "語", "🙂", " é")) {
            StringBuilder piece = new StringBuilder();
            for (byte b : text.getBytes(UTF_8)) {
                piece.append(letters.get(b & 0xFF));
            }
            pieces.add(piece.toString());
        }
        return pieces;
    }

    private static List<String> withBytes(String space) {
        List<String> pieces = new ArrayList<>();
        PIECES.forEach(p -> {
            pieces.add(p);
            pieces.add(space + p);
        });
        pieces.add(space);
        for (int b = 0; b < 256; b++) {
            pieces.add("<0x%02X>".formatted(b));
        }
        return pieces;
    }

    private Map<String, Tried> tokenizers() throws IOException {
        Map<String, Tried> all = new LinkedHashMap<>();
        all.put("byte level", tokenizer("bytes", "BPE", byteLevel(), "{\"type\": \"ByteLevel\","
                + " \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}"));
        String fallback = """
                {"type": "Sequence", "decoders": [
                  {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                  {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}""";
        all.put("byte fallback", tokenizer("fallback", "BPE", withBytes("▁"), fallback));
        all.put("byte fallback of pieces", tokenizer("pieces", "Unigram", withBytes("▁"), fallback));
        all.put("metaspace", tokenizer("metaspace", "WordLevel", withBytes("▁"),
                "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"always\", \"split\": true}"));
        all.put("word pieces", tokenizer("words", "WordPiece", withBytes("##"),
                "{\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}"));
        all.put("suffixes", tokenizer("suffixes", "WordLevel",
                PIECES.stream().flatMap(p -> java.util.stream.Stream.of(p, p + "</w>")).toList(),
                "{\"type\": \"BPEDecoder\", \"suffix\": \"</w>\"}"));
        all.put("words", tokenizer("plain", "WordLevel", PIECES, "null"));
        try (InputStream in = TextStreamTest.class.getResourceAsStream("/tokenizer/tokenizer.json")) {
            Path file = temp.resolve("given").resolve("tokenizer.json");
            SafetensorsWriter.text(file, new String(in.readAllBytes(), UTF_8));
            all.put("resource", new Tried(Tokenizer.lazily(file), 6));
        }
        return all;
    }

    /** Tokens with runs of bytes, nonsense and sense. */
    private static int[] tokens(SplittableRandom random, int vocabulary) {
        int n = random.nextInt(40);
        int from = 0;
        int[] tokens = new int[n];
        for (int i = 0; i < n; i++) {
            if (i == 0 || random.nextInt(5) == 0) {
                from = random.nextInt(vocabulary);
            }
            int spread = 1 + random.nextInt(60);
            tokens[i] =
                    random.nextInt(3) == 0 ? random.nextInt(vocabulary) : (from + random.nextInt(spread)) % vocabulary;
        }
        return tokens;
    }

    /** Tokens whose bytes are those of a text. */
    private static int[] bytes(String text, int first) {
        byte[] bytes = text.getBytes(UTF_8);
        return IntStream.range(0, bytes.length).map(i -> first + (bytes[i] & 0xFF)).toArray();
    }

    @Test
    void piecesPutTogetherAreTheTextOfAllTokens() throws IOException {
        TokenizerTest.assumeNativeLibrary();
        SplittableRandom random = new SplittableRandom(3);
        for (Map.Entry<String, Tried> entry : tokenizers().entrySet()) {
            try (Tokenizer tokenizer = entry.getValue().tokenizer()) {
                for (int run = 0; run < 300; run++) {
                    int[] tokens = tokens(random, entry.getValue().vocabulary());
                    IncrementalDecoder decoder = new IncrementalDecoder(tokenizer);
                    StringBuilder text = new StringBuilder();
                    for (int token : tokens) {
                        text.append(decoder.add(token));
                    }
                    text.append(decoder.rest());
                    assertThat(text.toString()).as("%s, %s", entry.getKey(), tokens)
                            .isEqualTo(tokenizer.decode(tokens));
                }
            }
        }
    }

    @Test
    void aCharacterComesWhole() throws IOException {
        TokenizerTest.assumeNativeLibrary();
        try (Tokenizer tokenizer = tokenizers().get("byte level").tokenizer()) {
            IncrementalDecoder decoder = new IncrementalDecoder(tokenizer);
            List<String> pieces = new ArrayList<>();
            for (int token : bytes("a€🙂b", 0)) {
                pieces.add(decoder.add(token));
            }
            assertThat(pieces).containsExactly("a", "", "", "€", "", "", "", "🙂", "b");
        }
    }

    /** As the tokens that are kept, and their text, are found in the end. */
    @Test
    void aStopStringIsFoundAtTheTokenThatCompletesItAndNothingOfItIsGiven() throws IOException {
        TokenizerTest.assumeNativeLibrary();
        SplittableRandom random = new SplittableRandom(4);
        for (Map.Entry<String, Tried> entry : tokenizers().entrySet()) {
            int stopped = 0;
            try (Tokenizer tokenizer = entry.getValue().tokenizer()) {
                for (int run = 0; run < 200; run++) {
                    int[] tokens = tokens(random, entry.getValue().vocabulary());
                    String whole = tokenizer.decode(tokens);
                    List<String> strings = new ArrayList<>(List.of("zz", "ab the"));
                    if (!whole.isEmpty()) {
                        int from = random.nextInt(whole.length());
                        String part = whole.substring(from, Math.min(whole.length(), from + 1 + random.nextInt(4)));
                        // What stands for half a character comes and goes, and half of one is no text.
                        strings.add(Text.isWhole(part) ? part.replace("\uFFFD", "the") : "the");
                    }
                    if (random.nextInt(4) == 0) {
                        strings.add("<end>");
                    }
                    StopStrings stops = new StopStrings(tokenizer, strings);
                    TextStream stream = new TextStream(tokenizer, Optional.of(stops));
                    StringBuilder text = new StringBuilder();
                    int count = 0;
                    while (count < tokens.length && !stream.stopped()) {
                        text.append(stream.add(tokens[count++]));
                        assertThat(stops.find(text.toString())).isEqualTo(-1);
                    }
                    boolean found = stream.stopped();
                    text.append(stream.end());
                    List<Integer> all = IntStream.of(tokens).boxed().toList();
                    assertThat(found ? count : -1).as("%s, %s, %s", entry.getKey(), tokens, strings)
                            .isEqualTo(stops.tokens(all));
                    assertThat(text.toString()).as("%s, %s, %s", entry.getKey(), tokens, strings)
                            .isEqualTo(stops.cut(tokenizer.decode(IntStream.of(tokens).limit(count).toArray())));
                    stopped += found ? 1 : 0;
                }
            }
            assertThat(stopped).as(entry.getKey()).isBetween(20, 199);
        }
    }

    @Test
    void aTokenCostsNoMoreAfterMany() throws IOException {
        TokenizerTest.assumeNativeLibrary();
        try (Tokenizer tokenizer = tokenizers().get("byte level").tokenizer()) {
            for (int token : new int[] {'a', 0xE2, 256}) {
                IncrementalDecoder decoder = new IncrementalDecoder(tokenizer);
                long start = System.nanoTime();
                for (int i = 0; i < 20_000; i++) {
                    decoder.add(token);
                }
                // Decoding all of them each time takes 200 million tokens.
                assertThat((System.nanoTime() - start) / 1e9).as("token %d", token).isLessThan(10);
            }
        }
    }
}
