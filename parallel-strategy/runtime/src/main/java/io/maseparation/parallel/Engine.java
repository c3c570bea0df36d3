package io.maseparation.parallel;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.EngineCore;
import io.maseparation.parallel.engine.EngineLimits;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanFile;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.Equipment;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RankLoader;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * A model on a layout that answers requests as they come, each with its own length, sampling and end. Requests join and
 * leave between two steps; a request's tokens and logits are bit for bit those that it has alone, whatever runs beside
 * it. Everything is allocated at the start, as the limits say.
 *
 * <p>Safe for use by any number of threads. Callbacks and subscribers are called on virtual threads of their own; a
 * slow one holds up nobody, and a failing one ends its own request. A rank that fails or gets stuck ends the engine:
 * all requests then fail with one {@link io.maseparation.parallel.run.RunFailedException}, which names the rank.
 *
 * <p>A process may have several engines, of the same model and others. A model that is closed ends its engines by their
 * next step, and its weights are freed when the last of them is closed.
 */
public final class Engine implements AutoCloseable {
    private final Model model;
    private final EngineCore core;
    private boolean left;

    private Engine(Model model, EngineCore core) {
        this.model = model;
        this.core = core;
    }

    /**
     * Starts an engine whose batch goes through the layout as a whole.
     *
     * @param model the model
     * @param layout how it is spread over ranks
     * @param limits what there is to be room for
     * @param options devices, format of the KV cache, memory limit, time after which a rank counts as stuck, and, for
     *     strategy ma, the changes of layout that the engine may go through while requests run
     * @return the engine, to be closed
     * @throws io.maseparation.files.ModelException if what the limits allow does not fit the memory
     * @throws io.maseparation.parallel.layout.PlanException if the model cannot be laid out this way
     * @throws io.maseparation.parallel.run.RunFailedException if a rank cannot be set up
     * @throws IllegalStateException if the model is closed
     */
    public static Engine start(Model model, Layout layout, EngineLimits limits, ExecutionOptions options) {
        return start(model, Objects.requireNonNull(layout, "layout").withMicroBatches(1), limits, options);
    }

    /**
     * Starts an engine, as {@link #start(Model, Layout, EngineLimits, ExecutionOptions)}.
     *
     * @param model the model
     * @param setup how it is spread over ranks, and how the batch goes through them
     * @param limits what there is to be room for
     * @param options how it is run
     * @return the engine, to be closed
     */
    public static Engine start(Model model, Setup setup, EngineLimits limits, ExecutionOptions options) {
        Objects.requireNonNull(setup, "setup");
        return start(model, limits, options, weights -> Planning.plan(weights.config(), setup));
    }

    /**
     * Starts an engine, as {@link #start(Model, Layout, EngineLimits, ExecutionOptions)}.
     *
     * @param model the model
     * @param file how it is spread over ranks and devices, and where its experts are
     * @param limits what there is to be room for
     * @param options how it is run
     * @return the engine, to be closed
     */
    public static Engine start(Model model, PlanFile file, EngineLimits limits, ExecutionOptions options) {
        Objects.requireNonNull(file, "file");
        return start(model, limits, options, weights -> file.toPlan(weights.config()));
    }

    private static Engine start(
            Model model, EngineLimits limits, ExecutionOptions options, Function<ModelWeights, Plan> plan) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(limits, "limits");
        Objects.requireNonNull(options, "options");
        model.enter();
        try {
            List<Device> devices = options.devices().isEmpty() ? Device.forRanks(1) : options.devices();
            ModelWeights weights = model.weightsFor(devices);
            return new Engine(model, new EngineCore(
                    plan.apply(weights), new Equipment(weights, options, RankLoader.real()), limits, model.tokenizer(),
                    model::isOpen));
        } catch (RuntimeException | Error e) {
            model.leave();
            throw e;
        }
    }

    /**
     * Submits a request. It waits in the order of arrival until there is room for it; where as many wait as the limits
     * allow, it is refused.
     *
     * @param request what to generate
     * @return the request on its way
     * @throws io.maseparation.files.ModelException if the model cannot run it, or no cache has room for it
     * @throws java.util.concurrent.RejectedExecutionException if too many wait already
     * @throws io.maseparation.parallel.run.RunFailedException if the engine has failed or is closed
     * @throws IllegalStateException if the model is closed
     */
    public Completion submit(GenerationRequest request) {
        return core.submit(request);
    }

    /**
     * Submits a request as {@link #submit}, and waits where too many others do: back-pressure for whoever produces
     * them.
     *
     * @param request what to generate
     * @return the request on its way
     * @throws io.maseparation.files.ModelException if the model cannot run it, or no cache has room for it
     * @throws io.maseparation.parallel.run.RunFailedException if the engine has failed or is closed
     * @throws IllegalStateException if the model is closed
     * @throws InterruptedException if interrupted; the request is not submitted then
     */
    public Completion submitWaiting(GenerationRequest request) throws InterruptedException {
        return core.submitWaiting(request);
    }

    /** {@return what it has room for} */
    public EngineLimits limits() {
        return core.limits();
    }

    /** {@return the plan that it runs now} */
    public Plan plan() {
        return core.plan();
    }

    /** {@return the latest changes of its layout, at most a hundred, made or not} */
    public List<LayoutChange> changes() {
        return core.changes();
    }

    /**
     * Ends all requests, which fail with a {@link io.maseparation.parallel.run.RunFailedException}, and all threads,
     * and frees the devices' memory and, where the model is closed and this was its last engine, the weights. Callbacks
     * are interrupted and not waited for. Can be called again, and by any thread: where a rank took too long to end,
     * that frees what was left; whoever comes while another waits for it does not wait. Called on a rank's thread,
     * which is where {@link ExecutionOptions#onToken} is, it returns at once, and another thread does all this.
     */
    @Override
    public void close() {
        if (core.isRankCalling()) {
            Thread.ofVirtual().name("closing").start(this::close);
            return;
        }
        core.close();
        synchronized (this) {
            // A thread that could not be ended may still read the weights.
            if (left || !core.isAtRest()) {
                return;
            }
            left = true;
        }
        model.leave();
    }
}
