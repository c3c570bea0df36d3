package io.maseparation.parallel.layout;

import io.maseparation.files.Text;
import io.maseparation.moe.ModelConfig;
import java.util.Map;
import java.util.Objects;

/**
 * How a model is spread over ranks. Each strategy is a record with the sizes that it has. A new one needs a record
 * here, its name in {@link Strategy}, a builder of its plan beside {@link Planning}, names of its sizes in {@link
 * LayoutSize}, and a case in each switch over layouts or strategies, which the compiler finds. What it does not find:
 * where layouts are enumerated ({@code compare.ComparedLayouts}, {@code search.SearchedLayouts}, {@code
 * calibrate.SimulationCheck}), described to users ({@code cli.StrategyFlags}), and asked whether they are
 * {@code Separated}: changes of ratio ({@link Target}), bounds of the search ({@code search.LowerBound},
 * {@code search.ExpertCounts}).
 */
public sealed interface Layout {
    /** Most ranks, and largest size. */
    int MOST_RANKS = 65_536;

    /** Everything on one rank. */
    record Single() implements Layout {
        @Override
        public int ranks() {
            return 1;
        }

        @Override
        public String name() {
            return "single";
        }

        @Override
        public Map<LayoutSize, Integer> sizes() {
            return Map.of();
        }

        @Override
        public void check(ModelConfig config) {}
    }

    /**
     * Tensor and pipeline parallelism.
     *
     * @param tensorParallel ranks that split heads and width
     * @param pipelineParallel stages that the layers are divided into
     * @param dataParallel copies of the whole layout, each with its own sequences
     */
    record TensorPipeline(int tensorParallel, int pipelineParallel, int dataParallel) implements Layout {
        /**
         * {@return the same in {@code n} copies}
         *
         * @param n number of copies
         */
        public TensorPipeline withDataParallel(int n) {
            return new TensorPipeline(tensorParallel, pipelineParallel, n);
        }

        @Override
        public int ranks() {
            return SizeChecks.count((double) tensorParallel * pipelineParallel * dataParallel);
        }

        @Override
        public String name() {
            return "tp %d x pp %d%s".formatted(tensorParallel, pipelineParallel,
                    LayoutSize.more(" x dp ", dataParallel));
        }

        @Override
        public Map<LayoutSize, Integer> sizes() {
            return Map.of(
                    LayoutSize.TENSOR_PARALLEL_SIZE, tensorParallel,
                    LayoutSize.PIPELINE_PARALLEL_SIZE, pipelineParallel,
                    LayoutSize.DATA_PARALLEL_SIZE, dataParallel);
        }

        @Override
        public void check(ModelConfig config) {
            checkSizes();
            SizeChecks.stages(config, pipelineParallel);
            SizeChecks.heads(config, tensorParallel, LayoutSize.TENSOR_PARALLEL_SIZE);
            SizeChecks.width(config, tensorParallel, LayoutSize.TENSOR_PARALLEL_SIZE);
        }
    }

    /**
     * Expert parallelism: attention on every rank, whole experts shared out over all of them.
     *
     * @param expertParallel ranks that share out the experts
     * @param attentionTensorParallel ranks of a group that split its attention heads; divides the former
     * @param dataParallel copies of the whole layout, each with its own sequences
     * @param combine what comes back from the ranks of a row's experts
     * @param dispatch how a row gets to the ranks of its experts
     */
    record ExpertParallel(
            int expertParallel, int attentionTensorParallel, int dataParallel, CombineMode combine, Dispatch dispatch)
            implements
                Layout {
        /** Refuses a missing choice. */
        public ExpertParallel {
            Objects.requireNonNull(combine, CombineMode.NAME);
            Objects.requireNonNull(dispatch, Dispatch.NAME);
        }

        /**
         * {@return the same with attention heads split inside groups of {@code n} ranks}
         *
         * @param n ranks of a group
         */
        public ExpertParallel withAttentionTensorParallel(int n) {
            return new ExpertParallel(expertParallel, n, dataParallel, combine, dispatch);
        }

        /**
         * {@return the same in {@code n} copies}
         *
         * @param n number of copies
         */
        public ExpertParallel withDataParallel(int n) {
            return new ExpertParallel(expertParallel, attentionTensorParallel, n, combine, dispatch);
        }

        @Override
        public int ranks() {
            return SizeChecks.count((double) expertParallel * dataParallel);
        }

        @Override
        public String name() {
            return "ep " + expertParallel + LayoutSize.more(" x dp ", dataParallel)
                    + LayoutSize.more(", attention tp ", attentionTensorParallel) + combine.suffix()
                    + dispatch.suffix();
        }

        @Override
        public Map<LayoutSize, Integer> sizes() {
            return Map.of(
                    LayoutSize.EXPERT_PARALLEL_SIZE, expertParallel,
                    LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE, attentionTensorParallel,
                    LayoutSize.DATA_PARALLEL_SIZE, dataParallel);
        }

        @Override
        public int expertGroups() {
            return expertParallel;
        }

        @Override
        public void checkSizes() {
            SizeChecks.ranks(this);
            SizeChecks.divides(this, LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE, LayoutSize.EXPERT_PARALLEL_SIZE);
            dispatch.check(ranks());
        }

        @Override
        public void check(ModelConfig config) {
            checkSizes();
            SizeChecks.heads(config, attentionTensorParallel, LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE);
            SizeChecks.wholeExperts(
                    config, expertParallel, LayoutSize.EXPERT_PARALLEL_SIZE.quoted() + " " + expertParallel);
        }
    }

    /**
     * MA Separation: attention on some ranks, experts on others.
     *
     * @param attentionDevices ranks with attention
     * @param expertDevices ranks with experts
     * @param attentionTensorParallel ranks of a group that split its attention heads; divides the ranks with attention
     * @param expertTensorParallel ranks of a group that split the width of its experts; divides the expert ranks of a
     *     copy
     * @param expertReplicas copies of all experts among the expert ranks; divides them
     * @param combine what comes back from the ranks of a row's experts
     * @param dispatch how a row gets to the ranks of its experts
     */
    record Separated(
            int attentionDevices, int expertDevices, int attentionTensorParallel, int expertTensorParallel,
            int expertReplicas, CombineMode combine, Dispatch dispatch)
            implements
                Layout {
        /** Refuses a missing choice. */
        public Separated {
            Objects.requireNonNull(combine, CombineMode.NAME);
            Objects.requireNonNull(dispatch, Dispatch.NAME);
        }

        /** {@return ranks with attention to ranks with experts, such as "12:4"} */
        public String ratio() {
            return attentionDevices + ":" + expertDevices;
        }

        /**
         * {@return the same with other numbers of ranks with attention and with experts}
         *
         * @param attention ranks with attention
         * @param experts ranks with experts
         */
        public Separated withRatio(int attention, int experts) {
            return new Separated(attention, experts, attentionTensorParallel, expertTensorParallel, expertReplicas,
                    combine, dispatch);
        }

        /**
         * {@return the same with attention heads split inside groups of {@code n} ranks}
         *
         * @param n ranks of a group
         */
        public Separated withAttentionTensorParallel(int n) {
            return new Separated(attentionDevices, expertDevices, n, expertTensorParallel, expertReplicas, combine,
                    dispatch);
        }

        /**
         * {@return the same with the width of experts split inside groups of {@code n} ranks}
         *
         * @param n ranks of a group
         */
        public Separated withExpertTensorParallel(int n) {
            return new Separated(attentionDevices, expertDevices, attentionTensorParallel, n, expertReplicas, combine,
                    dispatch);
        }

        /**
         * {@return the same with {@code n} copies of all experts}
         *
         * @param n number of copies
         */
        public Separated withExpertReplicas(int n) {
            return new Separated(attentionDevices, expertDevices, attentionTensorParallel, expertTensorParallel, n,
                    combine, dispatch);
        }

        @Override
        public int ranks() {
            return SizeChecks.count((double) attentionDevices + expertDevices);
        }

        @Override
        public String name() {
            return "ma " + ratio() + LayoutSize.more(", attention tp ", attentionTensorParallel)
                    + LayoutSize.more(", experts tp ", expertTensorParallel)
                    + LayoutSize.more(", expert replicas ", expertReplicas) + combine.suffix() + dispatch.suffix();
        }

        @Override
        public Map<LayoutSize, Integer> sizes() {
            return Map.of(
                    LayoutSize.ATTENTION_DEVICES, attentionDevices,
                    LayoutSize.EXPERT_DEVICES, expertDevices,
                    LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE, attentionTensorParallel,
                    LayoutSize.EXPERT_TENSOR_PARALLEL_SIZE, expertTensorParallel,
                    LayoutSize.EXPERT_REPLICAS, expertReplicas);
        }

        @Override
        public int expertGroups() {
            return Math.min(expertReplicas, expertTensorParallel) < 1
                    ? 0
                    : expertDevices / expertReplicas / expertTensorParallel;
        }

        @Override
        public void checkSizes() {
            SizeChecks.ranks(this);
            SizeChecks.divides(this, LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE, LayoutSize.ATTENTION_DEVICES);
            SizeChecks.divides(this, LayoutSize.EXPERT_REPLICAS, LayoutSize.EXPERT_DEVICES);
            SizeChecks.copies(this);
            dispatch.check(ranks());
        }

        @Override
        public void check(ModelConfig config) {
            checkSizes();
            SizeChecks.heads(config, attentionTensorParallel, LayoutSize.ATTENTION_TENSOR_PARALLEL_SIZE);
            SizeChecks.width(config, expertTensorParallel, LayoutSize.EXPERT_TENSOR_PARALLEL_SIZE);
            String devices = LayoutSize.EXPERT_DEVICES.quoted() + " " + expertDevices;
            SizeChecks.wholeExperts(config, expertGroups(), expertReplicas * expertTensorParallel == 1
                    ? devices
                    : devices + ", " + Text.count(expertGroups(), "group") + " per copy,");
        }
    }

    /** {@return everything on one rank} */
    static Single single() {
        return new Single();
    }

    /**
     * {@return tensor and pipeline parallelism}
     *
     * @param tensorParallel ranks that split heads and width
     * @param pipelineParallel stages that the layers are divided into
     */
    static TensorPipeline tensorPipeline(int tensorParallel, int pipelineParallel) {
        return new TensorPipeline(tensorParallel, pipelineParallel, 1);
    }

    /**
     * {@return expert parallelism with replicated attention}
     *
     * @param ranks number of ranks, which share out the experts
     */
    static ExpertParallel expertParallel(int ranks) {
        return new ExpertParallel(ranks, 1, 1, CombineMode.EXPERTS, Dispatch.DIRECT);
    }

    /**
     * {@return MA Separation with replicated attention and whole experts}
     *
     * @param attentionDevices ranks with attention
     * @param expertDevices ranks with experts
     */
    static Separated separated(int attentionDevices, int expertDevices) {
        return new Separated(attentionDevices, expertDevices, 1, 1, 1, CombineMode.EXPERTS, Dispatch.DIRECT);
    }

    /**
     * {@return the layout of a strategy with some sizes, as {@link #sizes} names them; those that are not named are 1}
     *
     * @param strategy the strategy
     * @param sizes the sizes by their names
     * @throws PlanException if one of them is not a size of the strategy
     */
    static Layout of(Strategy strategy, Map<LayoutSize, Integer> sizes) {
        return SizedLayout.of(strategy, sizes);
    }

    /** {@return the strategy} */
    default Strategy strategy() {
        return switch (this) {
            case Single _ -> Strategy.SINGLE;
            case TensorPipeline _ -> Strategy.TP_PP;
            case ExpertParallel _ -> Strategy.EP;
            case Separated _ -> Strategy.MA;
        };
    }

    /** {@return number of ranks; {@link Integer#MAX_VALUE} if there are more, 0 where sizes below 1 give fewer} */
    int ranks();

    /** {@return its name wherever it is printed, such as "tp 2 x pp 2", "ep 4" or "ma 12:4, attention tp 2"} */
    String name();

    /** {@return the sizes by their names in files and on the command line} */
    Map<LayoutSize, Integer> sizes();

    /**
     * Checks the sizes against each other.
     *
     * @throws PlanException if they do not fit, whatever the model
     */
    default void checkSizes() {
        SizeChecks.ranks(this);
    }

    /**
     * Checks that the sizes go with each other and with a model.
     *
     * @param config the model
     * @throws PlanException naming the size that does not
     */
    void check(ModelConfig config);

    /** {@return ranks that hold the same sequences and split the attention heads} */
    default int headSlices() {
        return switch (this) {
            case Single _ -> 1;
            case TensorPipeline tp -> tp.tensorParallel;
            case ExpertParallel ep -> ep.attentionTensorParallel;
            case Separated ma -> ma.attentionTensorParallel;
        };
    }

    /** {@return stages that the layers are divided into} */
    default int stages() {
        return this instanceof TensorPipeline tp ? tp.pipelineParallel : 1;
    }

    /**
     * {@return groups of ranks that share out whole experts, in each copy; 0 where ranks have all experts of their own
     * rows}
     */
    default int expertGroups() {
        return 0;
    }

    /** {@return whether a sum is split over ranks, so that it is rounded in another order than on a single one} */
    default boolean splitsSums() {
        return headSlices() > 1 || combine() == CombineMode.SUMS
                || (this instanceof Separated ma && ma.expertTensorParallel > 1);
    }

    /** {@return what comes back from the ranks of a row's experts} */
    default CombineMode combine() {
        return CombineMode.EXPERTS;
    }

    /**
     * {@return the same with another way to bring back what experts computed}
     *
     * @param mode the way
     * @throws PlanException if experts are on the ranks of their rows anyway
     */
    default Layout withCombine(CombineMode mode) {
        return SizedLayout.with(this, mode);
    }

    /** {@return how a row gets to the ranks of its experts} */
    default Dispatch dispatch() {
        return Dispatch.DIRECT;
    }

    /**
     * {@return the same with another way of rows to the ranks of their experts}
     *
     * @param way the way
     * @throws PlanException if experts are on the ranks of their rows anyway
     */
    default Layout withDispatch(Dispatch way) {
        return SizedLayout.with(this, way);
    }

    /** {@return copies of the experts that groups of attention ranks go to in turn} */
    default int expertCopies() {
        return this instanceof Separated ma ? ma.expertReplicas : 1;
    }

    /**
     * {@return whether attention and experts are apart, on so many ranks each}
     *
     * @param attention ranks with attention
     * @param experts ranks with experts
     */
    default boolean hasRatio(int attention, int experts) {
        return this instanceof Separated ma && ma.attentionDevices == attention && ma.expertDevices == experts;
    }

    /**
     * {@return this layout with the batch in {@code n} micro-batches}
     *
     * @param n number of micro-batches, at least 1
     * @throws PlanException if there are fewer
     */
    default Setup withMicroBatches(int n) {
        return new Setup(this, new Batching(n, Schedule.ASYNC));
    }
}
