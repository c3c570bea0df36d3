package io.maseparation.parallel.execute.rank;

import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.Shard;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Runs segments on one rank's device: lays out their rows before, and takes what they computed after. */
final class SegmentRunner {
    private final RankPlan rankPlan;
    private final boolean hasPlacement;
    private final RowPlaces places;
    private final RankDevice device;
    private final RankBuffers buffers;
    private final Recorder recorder;
    private final Recorder.RankLog log;
    private final TransferLog transfers;
    private final ExpertExchange exchange;
    private final TokenSampler sampler;
    /** Layers that a segment routes. */
    private final Map<String, List<Integer>> routes = new HashMap<>();
    /** Layer whose experts a segment computes for rows of other ranks. */
    private final Map<String, Integer> expertLayers = new HashMap<>();
    /** Segments with the output projection. */
    private final Set<String> outputs = new HashSet<>();

    SegmentRunner(
            Deployment deployment, RankPlan rankPlan, RunContext context, TransferLog transfers,
            ExpertExchange exchange, TokenSampler sampler) {
        this.rankPlan = rankPlan;
        this.hasPlacement = !deployment.plan().placement().isEmpty();
        this.device = deployment.rankDevice(rankPlan.rank());
        this.buffers = device.buffers();
        this.places = new RowPlaces(buffers.inputs(), context.slots());
        this.recorder = context.recorder();
        this.log = recorder.rank(rankPlan.rank());
        this.transfers = transfers;
        this.exchange = exchange;
        this.sampler = sampler;
        for (Segment segment : rankPlan.segments()) {
            for (Part part : segment.parts()) {
                if (part instanceof Part.Route route) {
                    routes.computeIfAbsent(segment.name(), name -> new ArrayList<>()).add(route.layer());
                } else if (part instanceof Part.Output) {
                    outputs.add(segment.name());
                } else if (part instanceof Part.Experts experts && experts.received()) {
                    expertLayers.put(segment.name(), experts.layer());
                }
            }
        }
    }

    void run(MicroBatch microBatch, String segment) {
        Integer expertLayer = expertLayers.get(segment);
        if (expertLayer != null) {
            runReceived(microBatch, segment, expertLayer);
            return;
        }
        Batch batch = microBatch.batch();
        if (batch.rows() > 0) {
            layOut(batch, microBatch);
            runOnDevice(microBatch, segment);
            take(microBatch, segment, batch);
        }
    }

    /** Experts, on rows that other ranks sent. */
    private void runReceived(MicroBatch microBatch, String segment, int layer) {
        long start = System.nanoTime();
        int rows = exchange.receive(microBatch.arrived, layer);
        packed("unpack rows", layer, microBatch, start);
        buffers.received().step().setAll(0, 0, rows, 0);
        if (!microBatch.prefill()) {
            log.expertRows(exchange.pairs(microBatch.arrived, layer));
        }
        if (rows > 0) {
            runOnDevice(microBatch, segment);
        }
        start = System.nanoTime();
        microBatch.answers = exchange.answers(microBatch.arrived, layer);
        packed("pack answers", layer, microBatch, start);
        microBatch.arrived.clear();
    }

    private void packed(String what, int layer, MicroBatch microBatch, long start) {
        transfers.packed(what, layer, microBatch, start);
        if (!microBatch.prefill()) {
            log.messages(System.nanoTime() - start);
        }
    }

    private void layOut(Batch batch, MicroBatch microBatch) {
        places.layOut(batch, microBatch);
        buffers.outputs().step().setAll(0, 0, batch.outputs().length, 0);
        if (rankPlan.shard().output().isPresent()) {
            for (int i = 0; i < batch.outputs().length; i++) {
                buffers.outputs().rows().set(i, batch.firstRow() + batch.outputs()[i]);
            }
        }
    }

    private void runOnDevice(MicroBatch microBatch, String segment) {
        long start = System.nanoTime();
        device.run(segment);
        if (!microBatch.prefill()) {
            log.decoded(device.tasks(segment), device.transferBytes(segment));
        }
        log.compute(microBatch.event(
                rankPlan.rank(), TimelineEvent.Stream.COMPUTE, segment, start, System.nanoTime()));
    }

    /** Takes logits and the router's choices, before another micro-batch overwrites them. */
    private void take(MicroBatch microBatch, String segment, Batch batch) {
        if (outputs.contains(segment)) {
            sampler.keep(microBatch.index, batch);
        }
        for (int layer : routes.getOrDefault(segment, List.of())) {
            takeChoice(microBatch, layer, batch);
        }
    }

    private void takeChoice(MicroBatch microBatch, int layer, Batch batch) {
        if (hasPlacement) {
            microBatch.assigned = exchange.assign(layer, batch);
            microBatch.entering = exchange.entering(layer, batch, microBatch.assigned);
            if (heads().parts() > 1) {
                exchange.clearOthers(layer, batch, microBatch.assigned);
            }
        }
        // Tensor-parallel ranks all make the same choice; the first counts.
        if (!microBatch.prefill() && heads().part() == 0) {
            recorder.experts(microBatch.step(), layer, exchange.chosen(layer, batch));
        }
    }

    private Shard.Heads heads() {
        return rankPlan.shard().attention().orElseThrow();
    }
}
