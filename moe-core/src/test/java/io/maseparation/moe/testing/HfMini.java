package io.maseparation.moe.testing;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * A second forward pass, token by token with a cache, that follows transformers' modules and knows tensors by their
 * names in the file and rules by their names in config.json. It shares nothing with the library: where the two agree, a
 * family's names and rules are read as meant.
 */
public final class HfMini {
    private final TestCheckpoint model;
    private final String family;
    private final int hidden;
    private final int heads;
    private final int kvHeads;
    private final int dim;
    private final Rotary rotary;

    /** @param length tokens of the request: its prompt and those to generate */
    public HfMini(TestCheckpoint model, int length) {
        this.model = model;
        this.family = model.config.get("model_type").textValue();
        this.hidden = model.field("hidden_size", 0);
        this.heads = model.field("num_attention_heads", 0);
        this.kvHeads = model.field("num_key_value_heads", 0);
        this.dim = model.field("head_dim", hidden / heads);
        this.rotary = new Rotary(model.config, dim, length);
    }

    /** Logits [position][vocab]. */
    public double[][] forward(int[] tokens) {
        int layers = model.field("num_hidden_layers", 0);
        List<List<double[]>> keys = new ArrayList<>();
        List<List<double[]>> values = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            keys.add(new ArrayList<>());
            values.add(new ArrayList<>());
        }
        double[][] logits = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            double[] x = new double[hidden];
            for (int i = 0; i < hidden; i++) {
                x[i] = tensor("model.embed_tokens.weight")[tokens[t] * hidden + i] * number("embedding_multiplier");
            }
            for (int l = 0; l < layers; l++) {
                String p = "model.layers." + l + ".";
                double[] a = attention(p + "self_attn.", l, norm(x, p + "input_layernorm"), keys.get(l), values.get(l));
                for (int i = 0; i < hidden; i++) {
                    x[i] += a[i] * number("residual_multiplier");
                }
                double[] m = mlp(p, l, norm(x, p + "post_attention_layernorm"));
                for (int i = 0; i < hidden; i++) {
                    x[i] += m[i] * number("residual_multiplier");
                }
            }
            String head = model.flag("tie_word_embeddings") ? "model.embed_tokens" : "lm_head";
            logits[t] = linear(norm(x, "model.norm"), head);
            for (int i = 0; i < logits[t].length; i++) {
                logits[t][i] /= number("logits_scaling");
            }
        }
        return logits;
    }

    private float[] tensor(String name) {
        return Objects.requireNonNull(model.values.get(name), name);
    }

    private double number(String field) {
        JsonNode value = model.config.get(field);
        return value == null || value.isNull() ? 1 : value.doubleValue();
    }

    private double[] linear(double[] x, String module) {
        return linear(x, tensor(module + ".weight"), 0, model.values.get(module + ".bias"),
                (int) model.shapes.get(module + ".weight")[0]);
    }

    private static double[] linear(double[] x, float[] weight, int offset, float[] bias, int rows) {
        double[] y = new double[rows];
        for (int r = 0; r < rows; r++) {
            y[r] = bias == null ? 0 : bias[r];
            for (int c = 0; c < x.length; c++) {
                y[r] += weight[offset + r * x.length + c] * x[c];
            }
        }
        return y;
    }

    private double[] norm(double[] x, String module) {
        float[] weight = tensor(module + ".weight");
        double[] y = new double[x.length];
        for (int from = 0; from < x.length; from += weight.length) {
            double variance = 0;
            for (int i = 0; i < weight.length; i++) {
                variance += x[from + i] * x[from + i] / weight.length;
            }
            for (int i = 0; i < weight.length; i++) {
                y[from + i] = weight[i] * (x[from + i] / Math.sqrt(variance + number("rms_norm_eps")));
            }
        }
        return y;
    }

    private void clamp(double[] x) {
        if (model.config.hasNonNull("clip_qkv")) {
            double c = number("clip_qkv");
            for (int i = 0; i < x.length; i++) {
                x[i] = Math.min(c, Math.max(-c, x[i]));
            }
        }
    }

    private int window(int layer) {
        if (!model.config.hasNonNull("sliding_window")) {
            return Integer.MAX_VALUE;
        }
        int window = model.field("sliding_window", 0);
        return switch (family) {
            case "mixtral" -> window;
            case "qwen3_moe" -> model.flag("use_sliding_window") ? window : Integer.MAX_VALUE;
            case "qwen2_moe" -> model.flag("use_sliding_window")
                    && (layer + 1) % 2 != 0
                    && layer < model.field("max_window_layers", 28)
                            ? window
                            : Integer.MAX_VALUE;
            default -> Integer.MAX_VALUE;
        };
    }

    private double[] attention(String p, int layer, double[] h, List<double[]> keys, List<double[]> values) {
        double[] q = linear(h, p + "q_proj");
        double[] k = linear(h, p + "k_proj");
        double[] v = linear(h, p + "v_proj");
        if (family.equals("olmoe") || family.equals("qwen3_moe")) {
            q = norm(q, p + "q_norm");
            k = norm(k, p + "k_norm");
        }
        clamp(q);
        clamp(k);
        clamp(v);
        int position = keys.size();
        rotary.rotate(q, dim, position);
        rotary.rotate(k, dim, position);
        keys.add(k);
        values.add(v);
        double scaling = family.equals("granitemoe") ? number("attention_multiplier") : Math.pow(dim, -0.5);
        double[] out = new double[heads * dim];
        for (int head = 0; head < heads; head++) {
            int from = head / (heads / kvHeads) * dim;
            double[] weights = new double[position + 1];
            double sum = 0;
            for (int s = 0; s <= position; s++) {
                if (s > (long) position - window(layer)) {
                    double score = 0;
                    for (int i = 0; i < dim; i++) {
                        score += q[head * dim + i] * keys.get(s)[from + i];
                    }
                    weights[s] = Math.exp(score * scaling);
                    sum += weights[s];
                }
            }
            for (int s = 0; s <= position; s++) {
                for (int i = 0; i < dim; i++) {
                    out[head * dim + i] += weights[s] / sum * values.get(s)[from + i];
                }
            }
        }
        return linear(out, p + "o_proj");
    }

    private double[] mlp(String p, int layer, double[] h) {
        if (!model.sparse(layer)) {
            return gated(h, p + "mlp.gate_proj", p + "mlp.up_proj", p + "mlp.down_proj");
        }
        String gate = switch (family) {
            case "mixtral" -> "block_sparse_moe.gate";
            case "granitemoe" -> "block_sparse_moe.router.layer";
            default -> "mlp.gate";
        };
        double[] logits = linear(h, p + gate);
        int[] order = IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer e) -> -logits[e]))
                .mapToInt(e -> e)
                .limit(model.field("num_experts_per_tok", 0))
                .toArray();
        double all = 0;
        double chosen = 0;
        for (double logit : logits) {
            all += Math.exp(logit);
        }
        for (int e : order) {
            chosen += Math.exp(logits[e]);
        }
        boolean overChosen = family.equals("mixtral") || family.equals("granitemoe") || model.flag("norm_topk_prob");
        double[] y = new double[hidden];
        for (int e : order) {
            double weight = Math.exp(logits[e]) / (overChosen ? chosen : all);
            double[] out = expert(p, e, h);
            for (int i = 0; i < hidden; i++) {
                y[i] += weight * out[i];
            }
        }
        if (family.equals("qwen2_moe")) {
            String shared = p + "mlp.shared_expert.";
            double[] out = gated(h, shared + "gate_proj", shared + "up_proj", shared + "down_proj");
            double weight = 1 / (1 + Math.exp(-linear(h, p + "mlp.shared_expert_gate")[0]));
            for (int i = 0; i < hidden; i++) {
                y[i] += weight * out[i];
            }
        }
        return y;
    }

    private double[] expert(String p, int e, double[] h) {
        if (family.equals("mixtral")) {
            String expert = p + "block_sparse_moe.experts." + e;
            return gated(h, expert + ".w1", expert + ".w3", expert + ".w2");
        }
        if (!family.equals("granitemoe")) {
            String expert = p + "mlp.experts." + e;
            return gated(h, expert + ".gate_proj", expert + ".up_proj", expert + ".down_proj");
        }
        int width = model.field("intermediate_size", 0);
        float[] input = tensor(p + "block_sparse_moe.input_linear.weight");
        double[] both = linear(h, input, e * 2 * width * hidden, null, 2 * width);
        double[] inner = new double[width];
        for (int i = 0; i < width; i++) {
            inner[i] = act(both[i]) * both[width + i];
        }
        return linear(inner, tensor(p + "block_sparse_moe.output_linear.weight"), e * hidden * width, null, hidden);
    }

    private double[] gated(double[] h, String gate, String up, String down) {
        double[] g = linear(h, gate);
        double[] u = linear(h, up);
        for (int i = 0; i < g.length; i++) {
            u[i] *= act(g[i]);
        }
        return linear(u, down);
    }

    private double act(double x) {
        return switch (model.config.get("hidden_act").textValue()) {
            case "silu" -> x / (1 + Math.exp(-x));
            case "gelu_pytorch_tanh" -> x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
            case "gelu" -> {
                // Simpson's rule over the normal density between 0 and x.
                int n = 400;
                double sum = 0;
                for (int i = 0; i <= n; i++) {
                    double at = x * i / n;
                    sum += (i == 0 || i == n ? 1 : i % 2 == 0 ? 2 : 4) * Math.exp(-at * at / 2);
                }
                yield x * (0.5 + sum * x / n / 3 / Math.sqrt(2 * Math.PI));
            }
            default -> throw new IllegalArgumentException(model.config.get("hidden_act").textValue());
        };
    }
}
