package io.maseparation.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Looks for files that need not be there. What has the name of one and cannot be read as one is complained of: a
 * folder, a link to nothing and a pipe without a writer are mistakes, and to go on as if nothing were there would hide
 * them.
 */
public final class Existing {
    private Existing() {}

    /**
     * {@return whether there is a file of this name} It may be reached by links.
     *
     * @param file the name
     * @throws ModelException if something else has this name, or a link of this name leads to nothing
     */
    public static boolean file(Path file) {
        BasicFileAttributes attributes;
        try {
            attributes = Files.readAttributes(file, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            if (Files.isSymbolicLink(file)) {
                throw new ModelException(Text.printable(file) + ": is a link that leads to nothing", e);
            }
            return false;
        } catch (IOException e) {
            throw new ModelException(Text.printable(file) + ": cannot be read: " + Text.reason(e), e);
        }
        if (!attributes.isRegularFile()) {
            throw new ModelException("%s: is %s, not a file"
                    .formatted(Text.printable(file), attributes.isDirectory() ? "a folder" : "a pipe or a device"));
        }
        if (!Files.isReadable(file)) {
            throw new ModelException(Text.printable(file) + ": cannot be read: no permission");
        }
        return true;
    }
}
