package uk.ac.manchester.tornado.api.enums;

/** When arrays are transferred. */
public class DataTransferMode {
    /** To the device at the first execution only. */
    public static final int FIRST_EXECUTION = 0;

    /** At every execution. */
    public static final int EVERY_EXECUTION = 1;

    /** To the host when the program asks for it; to the device never: the array only gets room there. */
    public static final int UNDER_DEMAND = 2;
}
