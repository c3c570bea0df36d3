package io.maseparation.moe.segments;

import io.maseparation.kernels.ArgMax;
import io.maseparation.kernels.Clip;
import io.maseparation.kernels.Combine;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DecodeAttention;
import io.maseparation.kernels.Dispatch;
import io.maseparation.kernels.Embedding;
import io.maseparation.kernels.ExpertDown;
import io.maseparation.kernels.ExpertUp;
import io.maseparation.kernels.HeadRmsNorm;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.PrefillAttention;
import io.maseparation.kernels.Projection;
import io.maseparation.kernels.QkvProjection;
import io.maseparation.kernels.ResidualAdd;
import io.maseparation.kernels.RmsNorm;
import io.maseparation.kernels.RopeAppend;
import io.maseparation.kernels.Router;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.ScaleByRms;
import io.maseparation.kernels.SelectRows;
import io.maseparation.kernels.SumOfSquares;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.ArrayList;
import java.util.List;

/**
 * What the tasks of a segment must do, from shapes alone: {@link SegmentBuilder} without weights, task for task, so that
 * a cost model times the very graphs that a device runs. Experts of a rank count as one bank.
 */
public final class SegmentCosts {
    private final ModelConfig config;
    private final Shard shard;
    private final DataType kvType;

    /**
     * @param config model
     * @param shard what of it the rank holds
     * @param kvType format of the KV cache
     */
    public SegmentCosts(ModelConfig config, Shard shard, DataType kvType) {
        this.config = config;
        this.shard = shard;
        this.kvType = kvType;
    }

    /** The tasks of a segment, in order. */
    public List<OperationCost> of(Segment segment, StepShape shape) {
        List<OperationCost> costs = new ArrayList<>();
        for (Part part : segment.parts()) {
            add(costs, part, shape);
        }
        return costs;
    }

    private void add(List<OperationCost> costs, Part part, StepShape shape) {
        int rows = shape.rows();
        int hidden = config.hidden();
        switch (part) {
            case Part.Embed() -> add(costs, Operation.EMBEDDING, Embedding.cost(rows, hidden, config.weightType()));
            case Part.LoadHidden() -> add(costs, Operation.SELECT_ROWS, SelectRows.cost(rows, hidden));
            case Part.StoreHidden() -> {
            }
            case Part.Attention(int layer) -> {
                queries(costs, rows);
                if (config.qkNorm() == QkNorm.WHOLE) {
                    add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, config.queryWidth()));
                    add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, 1, config.kvWidth()));
                }
                attention(costs, layer, shape);
            }
            case Part.AttentionSums(int layer) -> {
                queries(costs, rows);
                add(costs, Operation.SUM_OF_SQUARES, SumOfSquares.cost(rows, heads().queries() * config.headDim()));
                add(costs, Operation.SUM_OF_SQUARES, SumOfSquares.cost(rows, heads().kvs() * config.headDim()));
            }
            case Part.AttentionRest(int layer) -> {
                add(costs, Operation.SCALE_BY_RMS, ScaleByRms.cost(rows, heads().queries() * config.headDim()));
                add(costs, Operation.SCALE_BY_RMS, ScaleByRms.cost(rows, heads().kvs() * config.headDim()));
                attention(costs, layer, shape);
            }
            case Part.AddReduced() -> add(costs, Operation.RESIDUAL_ADD, ResidualAdd.cost(rows, hidden));
            case Part.Route(int layer, boolean export) -> {
                add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, hidden));
                add(costs, Operation.ROUTER, Router.cost(rows, hidden, routing(layer)));
            }
            case Part.Experts(int layer, boolean received) -> experts(costs, layer, shape);
            case Part.Combine(int layer, boolean imported, boolean partial) -> add(
                    costs, Operation.COMBINE, Combine.cost(rows, routing(layer).slots(), hidden, !partial));
            case Part.Output() -> output(costs, shape.outputs());
        }
    }

    private static void add(List<OperationCost> costs, Operation operation, OpCost cost) {
        costs.add(new OperationCost(operation, cost));
    }

    private Shard.Heads heads() {
        return shard.attention().orElseThrow();
    }

    private Routing routing(int layer) {
        return config.layers().get(layer).routing();
    }

    private void queries(List<OperationCost> costs, int rows) {
        Shard.Heads heads = heads();
        add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, config.hidden()));
        add(
                costs,
                Operation.QKV_PROJECTION,
                QkvProjection.cost(rows, heads.qkvWidth(config), config.hidden(), config.weightType()));
        if (config.qkNorm() == QkNorm.PER_HEAD) {
            add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, heads.queries(), config.headDim()));
            add(costs, Operation.HEAD_RMS_NORM, HeadRmsNorm.cost(rows, heads.kvs(), config.headDim()));
        }
    }

    private void attention(List<OperationCost> costs, int layer, StepShape shape) {
        int rows = shape.rows();
        Shard.Heads heads = heads();
        int dim = config.headDim();
        if (config.qkNorm() != QkNorm.NONE && config.qkvClip() > 0) {
            add(costs, Operation.CLIP, Clip.cost(rows, heads.qkvWidth(config)));
        }
        add(costs, Operation.ROPE_APPEND, RopeAppend.cost(kvType, rows, heads.queries(), heads.kvs(), dim));
        int window = config.layers().get(layer).slidingWindow();
        OpCost decode = OpCost.ZERO;
        OpCost prefill = OpCost.ZERO;
        for (StepShape.Piece piece : shape.pieces()) {
            if (shape.prefill()) {
                prefill = prefill.plus(PrefillAttention.cost(
                        kvType, piece.context() - piece.rows(), piece.rows(), heads.queries(), heads.kvs(), dim,
                        window));
            } else {
                long seen = window > 0 ? Math.min(window, piece.context()) : piece.context();
                decode = decode.plus(DecodeAttention.cost(
                        kvType, piece.rows(), piece.rows() * seen, heads.queries(), heads.kvs(), dim));
            }
        }
        add(costs, Operation.DECODE_ATTENTION, decode);
        add(costs, Operation.PREFILL_ATTENTION, prefill);
        add(
                costs,
                Operation.PROJECTION,
                Projection.cost(rows, config.hidden(), heads.queries() * dim, config.weightType()));
    }

    private void experts(List<OperationCost> costs, int layer, StepShape shape) {
        StepShape.ExpertLoad load = shape.experts();
        ModelConfig.Layer of = config.layers().get(layer);
        Shard.Experts share = shard.experts().orElseThrow();
        int held = share.perLayer().get(layer).size();
        boolean extra = share.extra() && of.extraWidth() > 0;
        int hidden = config.hidden();
        add(
                costs,
                Operation.DISPATCH,
                Dispatch.cost(load.rows(), routing(layer).slots(), held + (extra ? 1 : 0)));
        int width = of.expertWidth() / share.parts();
        int extraWidth = of.extraWidth() / share.parts();
        int extraActive = load.extraRows() > 0 ? 1 : 0;
        if (held > 0) {
            add(costs, Operation.EXPERT_UP, up(load.pairs(), load.active(), width));
        }
        if (extra) {
            add(costs, Operation.EXPERT_UP, up(load.extraRows(), extraActive, extraWidth));
        }
        if (held > 0) {
            add(
                    costs,
                    Operation.EXPERT_DOWN,
                    ExpertDown.cost(load.pairs(), load.active(), width, hidden, config.weightType()));
        }
        if (extra) {
            add(
                    costs,
                    Operation.EXPERT_DOWN,
                    ExpertDown.cost(load.extraRows(), extraActive, extraWidth, hidden, config.weightType()));
        }
    }

    private OpCost up(int pairs, int active, int width) {
        return ExpertUp.cost(pairs, active, width, config.hidden(), config.gated(), config.weightType());
    }

    private void output(List<OperationCost> costs, int rows) {
        int vocabulary = shard.output().orElseThrow().size();
        add(costs, Operation.SELECT_ROWS, SelectRows.cost(rows, config.hidden()));
        add(costs, Operation.RMS_NORM, RmsNorm.cost(rows, config.hidden()));
        add(costs, Operation.PROJECTION, Projection.cost(rows, vocabulary, config.hidden(), config.weightType()));
        add(costs, Operation.ARG_MAX, ArgMax.cost(rows, vocabulary));
    }
}
