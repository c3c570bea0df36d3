package io.maseparation.parallel.cublas;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.Heads;
import io.maseparation.moe.ModelConfig.Layer;
import java.util.ArrayList;
import java.util.List;

/** A model's large weight matrices. */
public final class CublasShapes {
    private CublasShapes() {}

    /**
     * {@return q, k and v as one matrix, the output projection, the output matrix, and the first matrix of an expert,
     * the widest, as a dense one}
     *
     * @param config a model; projections of latent attention are left out
     */
    public static List<CublasCheck.Shape> of(ModelConfig config) {
        List<CublasCheck.Shape> shapes = new ArrayList<>();
        Heads heads = config.attention().heads();
        if (heads.latent().isEmpty()) {
            int own = heads.query() * heads.dim();
            shapes.add(new CublasCheck.Shape("q, k, v", own + 2 * heads.kv() * heads.dim(), config.hidden()));
            shapes.add(new CublasCheck.Shape("output", config.hidden(), own));
        }
        shapes.add(new CublasCheck.Shape("LM head", config.vocabulary().size(), config.hidden()));
        int expert = config.layers().stream().mapToInt(Layer::expertWidth).max().orElse(0);
        int dense = config.layers().stream().mapToInt(Layer::extraWidth).max().orElse(0);
        shapes.add(expert > 0
                ? new CublasCheck.Shape("expert", expert, config.hidden())
                : new CublasCheck.Shape("feed-forward", dense, config.hidden()));
        return shapes;
    }
}
