/**
 * LangChain4j's interfaces over an {@link io.maseparation.parallel.Engine}: what a chat request means to it, and what
 * its answers mean there. Nothing here generates; whatever LangChain4j asks for and the engine does not do is refused
 * by name.
 */
package io.maseparation.langchain4j;
