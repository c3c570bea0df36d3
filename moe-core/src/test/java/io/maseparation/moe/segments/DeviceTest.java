package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.TornadoTargetDevice;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

class DeviceTest {
    private static Device device(TornadoVMBackendType backend, TornadoDeviceType type, String hardware, int index) {
        TornadoTargetDevice physical = (TornadoTargetDevice) Proxy.newProxyInstance(
                DeviceTest.class.getClassLoader(), new Class<?>[] {TornadoTargetDevice.class},
                (p, method, a) -> hardware);
        return Device.of((TornadoDevice) Proxy.newProxyInstance(
                DeviceTest.class.getClassLoader(), new Class<?>[] {TornadoDevice.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "getDeviceName" -> backend + "-" + index;
                    case "getDeviceType" -> type;
                    case "getTornadoVMBackend" -> backend;
                    case "getPhysicalDevice" -> physical;
                    default -> throw new UnsupportedOperationException(method.getName());
                }));
    }

    private static Device gpu(TornadoVMBackendType backend, int index) {
        return device(backend, TornadoDeviceType.GPU, "H100", index);
    }

    private static List<String> names(Device... devices) {
        return Device.alike(List.of(devices)).stream().map(Device::name).toList();
    }

    @Test
    void arraysHaveTornadoVmsOwnHeader() {
        assertThatCode(() -> Device.requireHeader(null)).doesNotThrowAnyException();
        assertThatCode(() -> Device.requireHeader("16")).doesNotThrowAnyException();
        assertThatThrownBy(() -> Device.requireHeader("64"))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("-Dtornado.panama.objectHeader=64")
                .hasMessageContaining("16 bytes");
    }

    @Test
    void amongEqualsCudaGoesFirstThenPtxThenOpenCl() {
        Device opencl = gpu(TornadoVMBackendType.OPENCL, 0);
        Device ptx = gpu(TornadoVMBackendType.PTX, 0);
        Device cuda = gpu(TornadoVMBackendType.CUDA, 0);

        assertThat(names(opencl, ptx, cuda)).containsExactly("CUDA-0");
        assertThat(names(opencl, ptx)).containsExactly("PTX-0");
    }

    @Test
    void ofNvidiasBackendsTheOneWithMoreGpusGoesFirst() {
        assertThat(names(
                gpu(TornadoVMBackendType.CUDA, 0),
                gpu(TornadoVMBackendType.OPENCL, 0),
                gpu(TornadoVMBackendType.OPENCL, 1),
                gpu(TornadoVMBackendType.PTX, 0),
                gpu(TornadoVMBackendType.PTX, 1)))
                .containsExactly("PTX-0", "PTX-1");
    }

    @Test
    void onlyGpusThatAreAlikeCount() {
        assertThat(names(
                gpu(TornadoVMBackendType.OPENCL, 0),
                device(TornadoVMBackendType.OPENCL, TornadoDeviceType.GPU, "integrated", 1),
                gpu(TornadoVMBackendType.PTX, 0),
                gpu(TornadoVMBackendType.CUDA, 0)))
                .containsExactly("CUDA-0");
        assertThat(names(
                gpu(TornadoVMBackendType.OPENCL, 0),
                gpu(TornadoVMBackendType.OPENCL, 1),
                gpu(TornadoVMBackendType.CUDA, 0)))
                .as("tensor cores are worth more than a second GPU")
                .containsExactly("CUDA-0");
    }

    @Test
    void gpusGoBeforeOthersHoweverMany() {
        assertThat(names(
                device(TornadoVMBackendType.OPENCL, TornadoDeviceType.CPU, "cores", 0),
                device(TornadoVMBackendType.OPENCL, TornadoDeviceType.CPU, "cores", 1),
                gpu(TornadoVMBackendType.PTX, 0)))
                .containsExactly("PTX-0");
    }

    @Test
    void devicesOfOneBackendThatAreNotAlikeAreNotMixed() {
        assertThat(names(
                gpu(TornadoVMBackendType.PTX, 0),
                device(TornadoVMBackendType.PTX, TornadoDeviceType.GPU, "L4", 1),
                gpu(TornadoVMBackendType.PTX, 2)))
                .containsExactly("PTX-0", "PTX-2");
    }
}
