package uk.ac.manchester.tornado.api.enums;

/** Shapes of a warp's matrix multiplication. */
public enum MMAShape {
    /** 16 × 8 results of sums of 16 products, of halves. */
    M16N8K16("m16n8k16"),
    /** 16 × 8 results of sums of 32 products, of bytes. */
    M16N8K32("m16n8k32");

    private final String ptxName;

    MMAShape(String ptxName) {
        this.ptxName = ptxName;
    }

    /** Name in PTX. */
    public String getPtxName() {
        return ptxName;
    }
}
