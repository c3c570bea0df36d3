package io.maseparation.parallel.engine;

import static io.maseparation.kernels.KvCache.BLOCK;

import io.maseparation.kernels.KvCache;
import io.maseparation.parallel.execute.rank.KvTable;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Hands out blocks one by one, whatever their places: none is lost between those of others.
 *
 * <p>A block is known by its tokens and the block before it, also when nobody has it any more, until it is handed out
 * for something else: first those that nothing is known of, then those that came back first. Whoever has a known block
 * has those before it too, and gives them back after it, so that none is gone while one that follows is still known.
 */
final class BlockPool implements KvPool {
    /**
     * Blocks that nobody has, as a ring in the order in which they are handed out; the number of blocks stands for its
     * two ends.
     */
    private final int[] next;

    private final int[] previous;
    private int left;
    /** By block, the sequences that have it. */
    private final int[] holders;
    /** By block, what it is known by. */
    private final @Nullable Key[] keys;
    private final Map<Key, Integer> known = new HashMap<>();

    /**
     * @param before the block before; below 0, by rotary angles, for the first one
     * @param tokens those of the block
     */
    private record Key(int before, IntBuffer tokens) {
        static Key of(Prompt prompt, int index, int before) {
            return new Key(
                    index == 0 ? -1 - prompt.angles() : before,
                    IntBuffer.wrap(prompt.tokens(), index * BLOCK, BLOCK));
        }
    }

    /** @param positions of the cache; what is not a whole block is not used */
    BlockPool(int positions) {
        int blocks = positions / BLOCK;
        next = new int[blocks + 1];
        previous = new int[blocks + 1];
        holders = new int[blocks];
        keys = new Key[blocks];
        next[blocks] = blocks;
        previous[blocks] = blocks;
        for (int block = 0; block < blocks; block++) {
            giveBack(block, previous[blocks]);
        }
    }

    /** A block that nobody has any more is handed out after another one. */
    private void giveBack(int block, int after) {
        next[block] = next[after];
        previous[block] = after;
        previous[next[block]] = block;
        next[after] = block;
        left++;
    }

    /** Somebody has a block that nobody had. */
    private void take(int block) {
        next[previous[block]] = next[block];
        previous[next[block]] = previous[block];
        left--;
    }

    private void forget(int block) {
        Key key = keys[block];
        if (key != null) {
            known.remove(key);
            keys[block] = null;
        }
    }

    @Override
    public int size() {
        return holders.length * BLOCK;
    }

    @Override
    public int used() {
        return (holders.length - left) * BLOCK;
    }

    @Override
    public int[] known(Prompt prompt) {
        int[] blocks = new int[(prompt.tokens().length - 1) / BLOCK];
        int count = 0;
        while (count < blocks.length) {
            Integer block = known.get(Key.of(prompt, count, count == 0 ? -1 : blocks[count - 1]));
            if (block == null) {
                return Arrays.copyOf(blocks, count);
            }
            blocks[count++] = block;
        }
        return blocks;
    }

    @Override
    public Optional<KvTable> allocate(int now, int most, int[] first) {
        int more = KvCache.blocks(now) - first.length;
        for (int block : first) {
            more += holders[block] == 0 ? 1 : 0;
        }
        if (more > left) {
            return Optional.empty();
        }
        KvTable table = new KvTable(most);
        for (int block : first) {
            if (holders[block]++ == 0) {
                take(block);
            }
            table.add(block);
        }
        reach(table, now);
        return Optional.of(table);
    }

    @Override
    public boolean reach(KvTable table, int positions) {
        int more = KvCache.blocks(positions) - table.count();
        if (more > left) {
            return false;
        }
        for (int i = 0; i < more; i++) {
            int block = next[holders.length];
            take(block);
            forget(block);
            holders[block] = 1;
            table.add(block);
        }
        return true;
    }

    @Override
    public void written(KvTable table, Prompt prompt, int from, int to) {
        for (int index = from / BLOCK; index < to / BLOCK; index++) {
            int before = index == 0 ? -1 : table.block(index - 1);
            if (before >= 0 && keys[before] == null) {
                // Another one is known for the tokens so far, and those that follow belong to it.
                return;
            }
            int block = table.block(index);
            Key key = Key.of(prompt, index, before);
            if (keys[block] == null && known.putIfAbsent(key, block) == null) {
                keys[block] = key;
            }
        }
    }

    @Override
    public void free(KvTable table) {
        for (int i = table.count() - 1; i >= 0; i--) {
            int block = table.block(i);
            if (--holders[block] == 0) {
                giveBack(block, keys[block] == null ? holders.length : previous[holders.length]);
            }
        }
    }

    @Override
    public void forgetWhatNobodyHas() {
        for (int block = 0; block < holders.length; block++) {
            if (holders[block] == 0) {
                forget(block);
            }
        }
    }
}
