package io.maseparation.parallel.engine;

/**
 * A token of an answer, as it comes.
 *
 * @param index of the token in the answer
 * @param id the token
 * @param text text that is certain with it: all of these put together are the text of the answer. Empty where the token
 *     is half a character or may begin a stop string, and always without a tokenizer
 */
public record GeneratedToken(int index, int id, String text) {}
