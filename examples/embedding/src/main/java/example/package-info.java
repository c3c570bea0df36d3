/** An application that embeds MA Separation: everything of it that is not the library's. */
package example;
